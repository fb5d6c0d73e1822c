SELECT n.key,
       n.parent
  FROM vpd_private.hierarchy_node n
 WHERE n.hierarchy = $1;
