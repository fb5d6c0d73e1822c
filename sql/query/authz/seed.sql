WITH held AS (
    UPDATE vpd_private.authority_grant SET seeded_by = $2 WHERE holder_id = $1 AND valid_until > clock_timestamp()
)
UPDATE vpd_private.authority SET seeded_by = $2 WHERE id = $1;
