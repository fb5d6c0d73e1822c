-- What it had of the node ends; the new time holds.
WITH closed AS (
    UPDATE vpd_private.data_group_node g
       SET valid_until = greatest(clock_timestamp(), g.valid_from + interval '1 microsecond'),
           revoked_by = $7
     WHERE g.data_group_id = $1
       AND g.hierarchy = $2
       AND g.node = $3
       AND g.valid_until > clock_timestamp()
)
INSERT INTO vpd_private.data_group_node (data_group_id, hierarchy, node, valid_from, valid_until, reason, granted_by)
VALUES ($1, $2, $3, coalesce($4, clock_timestamp()), coalesce($5, 'infinity'), $6, $7);
