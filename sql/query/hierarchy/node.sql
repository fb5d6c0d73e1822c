SELECT n.depth::integer,
       n.parent
  FROM vpd_private.hierarchy_node n
 WHERE n.hierarchy = $1
   AND n.key = $2;
