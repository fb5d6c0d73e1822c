-- These nodes and everything above them. Each is looked up by its key: a whole file is joined with nothing.
WITH RECURSIVE above (key) AS (
    SELECT unnest($2::text[])
    UNION
    SELECT n.parent
      FROM above a
     CROSS JOIN LATERAL (
           SELECT n.parent FROM vpd_private.hierarchy_node n WHERE n.hierarchy = $1 AND n.key = a.key AND n.parent IS NOT NULL OFFSET 0
       ) n
)
SELECT a.key,
       n.parent,
       n.depth::integer
  FROM above a
 CROSS JOIN LATERAL (
       SELECT n.parent, n.depth FROM vpd_private.hierarchy_node n WHERE n.hierarchy = $1 AND n.key = a.key OFFSET 0
   ) n;
