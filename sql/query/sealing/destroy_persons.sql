-- The keys of all persons for a key ($1).
DELETE FROM vpd_private.sealed_person WHERE key_number = $1;
