-- Whether a node is another one or below it.
WITH RECURSIVE up (key, parent) AS (
    SELECT n.key, n.parent
      FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key = $2
     UNION
    SELECT n.key, n.parent
      FROM up
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = up.parent
)
SELECT
  FROM up
 WHERE up.key = $3;
