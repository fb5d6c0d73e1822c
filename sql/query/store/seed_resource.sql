UPDATE vpd_private.resource SET seeded_by = $2 WHERE name = $1;
