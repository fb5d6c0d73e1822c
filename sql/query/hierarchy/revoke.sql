UPDATE vpd_private.data_group_node g
   SET valid_until = greatest(clock_timestamp(), g.valid_from + interval '1 microsecond'),
       revoked_by = $4
 WHERE g.data_group_id = $1
   AND g.hierarchy = $2
   AND g.node = $3
   AND g.valid_until > clock_timestamp();
