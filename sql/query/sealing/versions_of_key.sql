-- The versions of a key ($1).
SELECT version FROM vpd_private.sealing_key_version WHERE key_number = $1;
