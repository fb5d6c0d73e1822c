-- Versions of keys that another master key than the current one ($1) wraps.
SELECT key_number, version, master, wrapped
  FROM vpd_private.sealing_key_version
 WHERE master <> $1
 ORDER BY key_number, version
   FOR NO KEY UPDATE;
