UPDATE vpd_private.data_group_node g
   SET valid_until = greatest(clock_timestamp(), g.valid_from + interval '1 microsecond'),
       revoked_by = $4
  FROM unnest($1::integer[], $2::text[], $3::text[]) AS w (data_group_id, hierarchy, node)
 WHERE g.data_group_id = w.data_group_id
   AND g.hierarchy = w.hierarchy
   AND g.node = w.node
   AND g.valid_until > clock_timestamp();
