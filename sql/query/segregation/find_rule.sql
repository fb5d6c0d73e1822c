SELECT r.id FROM vpd_private.sod_rule r WHERE r.name = $1;
