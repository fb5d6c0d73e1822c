-- The lowest level that has nodes.
SELECT max(n.depth)::integer
  FROM vpd_private.hierarchy_node n
 WHERE n.hierarchy = $1;
