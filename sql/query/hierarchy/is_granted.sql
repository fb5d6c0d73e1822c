-- Whether the data group has the node from now on for good, so that granting it again changes nothing.
SELECT
  FROM vpd_private.data_group_node g
 WHERE g.data_group_id = $1
   AND g.hierarchy = $2
   AND g.node = $3
   AND g.valid_from <= clock_timestamp()
   AND g.valid_until = 'infinity';
