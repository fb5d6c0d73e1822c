-- What is seen of the nodes changed, of one hierarchy or of all.
UPDATE vpd_private.hierarchy
   SET access_version = gen_random_uuid()
 WHERE $1::text IS NULL
    OR name = $1;
