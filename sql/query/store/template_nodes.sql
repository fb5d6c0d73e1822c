-- The nodes of a level: key and label.
SELECT n.key,
       coalesce(n.label, n.key)
  FROM vpd_private.hierarchy_node n
  JOIN vpd_private.hierarchy_level l ON l.hierarchy = n.hierarchy AND l.depth = n.depth
 WHERE n.hierarchy = $1
   AND l.name = $2
 ORDER BY n.key COLLATE "C";
