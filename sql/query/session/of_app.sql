SELECT id FROM vpd_private.session WHERE app = $1 AND ended_at IS NULL;
