-- Whom what a data group ($1) has, or will have, of a node belongs to.
SELECT g.seeded_by
  FROM vpd_private.data_group_node g
 WHERE g.data_group_id = $1
   AND g.hierarchy = $2
   AND g.node = $3
   AND g.valid_until > clock_timestamp()
   AND g.seeded_by IS NOT NULL;
