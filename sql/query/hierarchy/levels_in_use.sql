-- The levels that have nodes.
SELECT DISTINCT n.depth::integer
  FROM vpd_private.hierarchy_node n
 WHERE n.hierarchy = $1;
