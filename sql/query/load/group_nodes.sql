SELECT g.data_group_id,
       g.hierarchy,
       g.node,
       g.valid_from,
       g.valid_until,
       g.seeded_by,
       (SELECT a.seeded_by FROM vpd_private.authority a WHERE a.id = g.data_group_id)
  FROM unnest($1::integer[], $2::text[], $3::text[]) AS w (data_group_id, hierarchy, node)
  JOIN vpd_private.data_group_node g
    ON g.data_group_id = w.data_group_id
   AND g.hierarchy = w.hierarchy
   AND g.node = w.node
 WHERE g.valid_until > clock_timestamp()
 ORDER BY g.valid_from, g.id;
