SELECT id FROM vpd_private.session WHERE user_name = $1 AND ended_at IS NULL;
