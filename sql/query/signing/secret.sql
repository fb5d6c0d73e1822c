-- The private half of the key that this database ($1) signs with.
SELECT secret FROM vpd_private.signing_secret WHERE database = $1;
