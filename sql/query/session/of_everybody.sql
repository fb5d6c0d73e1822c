SELECT id FROM vpd_private.session WHERE ended_at IS NULL;
