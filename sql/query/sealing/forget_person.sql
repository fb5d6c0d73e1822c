-- Every key of a person ($1).
DELETE FROM vpd_private.sealed_person WHERE name = $1;
