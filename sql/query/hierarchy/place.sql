-- On which level each node of a load stands, when only parents are known.
WITH RECURSIVE incoming AS MATERIALIZED (
    SELECT i.key, i.parent
      FROM unnest($2, $3) AS i (key, parent)
), placed (key, depth) AS (
    SELECT i.key,
           coalesce(p.depth + 1, 1)
      FROM incoming i
      LEFT JOIN vpd_private.hierarchy_node p
        ON p.hierarchy = $1
       AND p.key = i.parent
       AND NOT EXISTS (SELECT FROM incoming o WHERE o.key = i.parent)
     WHERE i.parent IS NULL
        OR p.key IS NOT NULL
     UNION ALL
    SELECT i.key,
           p.depth + 1
      FROM placed p
      JOIN incoming i ON i.parent = p.key
)
SELECT p.key,
       p.depth
  FROM placed p;
