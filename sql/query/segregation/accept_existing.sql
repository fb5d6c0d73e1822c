INSERT INTO vpd_private.sod_existing (rule_id, user_id, items) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
