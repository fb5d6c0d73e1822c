UPDATE vpd_private.authority_grant SET seeded_by = $3 WHERE holder_id = $1 AND granted_id = $2 AND valid_until > clock_timestamp();
