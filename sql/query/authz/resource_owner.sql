SELECT seeded_by FROM vpd_private.resource WHERE name = $1;
