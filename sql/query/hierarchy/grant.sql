INSERT INTO vpd_private.data_group_node (data_group_id, hierarchy, node, valid_from, valid_until, reason, granted_by)
VALUES ($1, $2, $3, coalesce($4::timestamptz, clock_timestamp()), coalesce($5::timestamptz, 'infinity'), $6, $7);
