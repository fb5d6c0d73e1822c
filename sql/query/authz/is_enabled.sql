SELECT is_enabled FROM vpd_private.authority WHERE kind = 'user' AND name = $1 AND dropped_at IS NULL;
