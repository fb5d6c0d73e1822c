-- The key that a column ($1) is sealed with.
SELECT key_number FROM vpd_private.sealed_place WHERE place = $1;
