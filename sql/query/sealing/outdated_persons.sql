-- Keys of persons that another master key than the current one ($1) wraps.
SELECT key_number, person, master, wrapped
  FROM vpd_private.sealed_person
 WHERE master <> $1
 ORDER BY key_number, person
   FOR NO KEY UPDATE;
