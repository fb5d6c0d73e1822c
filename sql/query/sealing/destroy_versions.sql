-- All versions of a key ($1), that of its tags too.
DELETE FROM vpd_private.sealing_key_version WHERE key_number = $1;
