-- With its nodes and levels.
WITH unexempt AS (
    UPDATE vpd_private.hierarchy_exemption
       SET revoked_at = clock_timestamp(),
           revoked_by = $2
     WHERE hierarchy = $1
       AND revoked_at IS NULL
), nodes AS (
    DELETE FROM vpd_private.hierarchy_node WHERE hierarchy = $1
)
DELETE FROM vpd_private.hierarchy WHERE name = $1;
