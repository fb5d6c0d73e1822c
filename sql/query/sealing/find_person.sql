-- The number that a person ($2) has for a key ($1). Whoever forgets him waits until the transaction ends.
SELECT person
  FROM vpd_private.sealed_person
 WHERE key_number = $1
   AND name = $2
   FOR KEY SHARE;
