-- A node whose parent is missing or on no level above. Each parent is looked up by its key: a whole tree is joined with nothing.
SELECT n.key,
       p.depth IS NULL
  FROM vpd_private.hierarchy_node n
  LEFT JOIN LATERAL (
       SELECT p.depth FROM vpd_private.hierarchy_node p WHERE p.hierarchy = n.hierarchy AND p.key = n.parent OFFSET 0
   ) p ON true
 WHERE n.hierarchy = $1
   AND n.parent IS NOT NULL
   AND (p.depth IS NULL OR p.depth >= n.depth)
 ORDER BY n.key
 LIMIT 1;
