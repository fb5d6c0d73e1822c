-- One version ($2) of a key ($1).
DELETE FROM vpd_private.sealing_key_version WHERE key_number = $1 AND version = $2;
