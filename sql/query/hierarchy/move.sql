UPDATE vpd_private.hierarchy_node
   SET parent = $3
 WHERE hierarchy = $1
   AND key = $2;
