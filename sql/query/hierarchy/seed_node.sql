-- Says whom what a data group has, or will have, of a node belongs to.
UPDATE vpd_private.data_group_node
   SET seeded_by = $4
 WHERE data_group_id = $1
   AND hierarchy = $2
   AND node = $3
   AND valid_until > clock_timestamp();
