UPDATE vpd_private.sod_rule SET seeded_by = $2 WHERE name = $1;
