-- The version of a key ($1) that seals.
SELECT version
  FROM vpd_private.sealing_key_version
 WHERE key_number = $1
 ORDER BY version DESC
 LIMIT 1;
