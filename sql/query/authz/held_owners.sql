-- Whom the grants belong to that a node ($1) has now or later.
SELECT DISTINCT seeded_by FROM vpd_private.authority_grant WHERE holder_id = $1 AND valid_until > clock_timestamp() AND seeded_by IS NOT NULL;
