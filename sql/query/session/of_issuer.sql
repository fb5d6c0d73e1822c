SELECT id FROM vpd_private.session WHERE issuer = $1 AND ended_at IS NULL;
