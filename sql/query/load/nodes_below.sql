-- Nodes right below those of a file: key, parent, depth.
SELECT n.key,
       n.parent,
       n.depth::integer
  FROM vpd_private.hierarchy_node n
 WHERE n.hierarchy = $1
   AND n.parent = ANY ($2)
 ORDER BY n.key COLLATE "C";
