-- The same for a node and those right below it.
SELECT n.key,
       p.key IS NULL
  FROM vpd_private.hierarchy_node n
  LEFT JOIN vpd_private.hierarchy_node p ON p.hierarchy = n.hierarchy AND p.key = n.parent
 WHERE n.hierarchy = $1
   AND (n.key = $2 OR n.parent = $2)
   AND n.parent IS NOT NULL
   AND (p.key IS NULL OR p.depth >= n.depth)
 ORDER BY n.key
 LIMIT 1;
