-- Says whom a definition belongs to; what it holds is seeded grant by grant.
UPDATE vpd_private.authority SET seeded_by = $3 WHERE kind = $1 AND name = $2 AND dropped_at IS NULL;
