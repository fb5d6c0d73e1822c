INSERT INTO vpd_private.sod_existing (rule_id, user_id, items, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
