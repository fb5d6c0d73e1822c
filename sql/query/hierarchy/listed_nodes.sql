SELECT n.key,
       n.parent,
       l.name,
       n.label
  FROM vpd_private.hierarchy_node n
  JOIN vpd_private.hierarchy_level l USING (hierarchy, depth)
 WHERE n.hierarchy = $1
   AND ($2 IS NULL OR l.name = $2)
 ORDER BY n.depth, n.key;
