-- What data groups have now, or will have.
SELECT g.data_group_id,
       g.node,
       g.valid_from,
       g.valid_until
  FROM vpd_private.data_group_node g
 WHERE g.data_group_id = ANY ($2)
   AND g.hierarchy = $1
   AND g.valid_until > clock_timestamp();
