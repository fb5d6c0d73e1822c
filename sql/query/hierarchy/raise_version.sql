-- The nodes changed, of one hierarchy or of all.
UPDATE vpd_private.hierarchy
   SET version = gen_random_uuid()
 WHERE $1::text IS NULL
    OR name = $1;
