-- Says whom a node belongs to ($2), and what it holds now, except where that belongs to somebody whom the caller may not speak for ($3).
WITH held AS (
    UPDATE vpd_private.authority_grant
       SET seeded_by = $2
     WHERE holder_id = $1
       AND valid_until > clock_timestamp()
       AND (seeded_by IS NULL OR seeded_by <> ALL ($3::text[]))
), nodes AS (
    UPDATE vpd_private.data_group_node
       SET seeded_by = $2
     WHERE data_group_id = $1
       AND valid_until > clock_timestamp()
       AND (seeded_by IS NULL OR seeded_by <> ALL ($3::text[]))
)
UPDATE vpd_private.authority SET seeded_by = $2 WHERE id = $1;
