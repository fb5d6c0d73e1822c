INSERT INTO vpd_private.mask (relation, column_name, column_number, mask, visible_when, is_enabled)
VALUES ($1::regclass, $2, $3, $4, $5, $6)
    ON CONFLICT (relation, column_name) DO NOTHING;
