SELECT r.id, r.seeded_by FROM vpd_private.sod_rule r WHERE r.name = $1;
