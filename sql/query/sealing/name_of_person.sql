-- The name of a person ($2) for a key ($1).
SELECT name FROM vpd_private.sealed_person WHERE key_number = $1 AND person = $2;
