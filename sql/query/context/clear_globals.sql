-- Removes shared values: of one user or NULL for any, of one client identifier or NULL for any, one attribute or NULL for all.
DELETE FROM vpd_private.global_context g
 WHERE g.namespace = $1
   AND ($2::text IS NULL OR g.username = $2)
   AND ($3::text IS NULL OR g.client_id = $3)
   AND ($4::text IS NULL OR g.attribute = $4);
