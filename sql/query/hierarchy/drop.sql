-- Nodes and levels go; what data groups had of them is closed.
WITH closed AS (
    UPDATE vpd_private.data_group_node
       SET valid_until = greatest(clock_timestamp(), valid_from + interval '1 microsecond'),
           revoked_by = $2
     WHERE hierarchy = $1
       AND valid_until > clock_timestamp()
), unexempt AS (
    UPDATE vpd_private.hierarchy_exemption
       SET revoked_at = clock_timestamp(),
           revoked_by = $2
     WHERE hierarchy = $1
       AND revoked_at IS NULL
), nodes AS (
    DELETE FROM vpd_private.hierarchy_node WHERE hierarchy = $1
)
DELETE FROM vpd_private.hierarchy WHERE name = $1;
