INSERT INTO vpd_private.sod_existing (rule_id, user_id, items)
VALUES ($1, $2, $3)
    ON CONFLICT (rule_id, user_id) DO UPDATE SET items = excluded.items;
