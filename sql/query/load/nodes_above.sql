-- These nodes and everything above them.
WITH RECURSIVE above (key) AS (
    SELECT unnest($2::text[])
    UNION
    SELECT n.parent
      FROM above a
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = a.key
     WHERE n.parent IS NOT NULL
)
SELECT n.key,
       n.parent,
       n.depth::integer
  FROM above a
  JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = a.key;
