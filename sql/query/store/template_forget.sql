-- The role stays, and is no template's any more.
DELETE FROM vpd_private.data_role r
 USING vpd_private.authority a
 WHERE a.id = r.role_id
   AND a.kind = 'role'
   AND a.name = $1
   AND a.dropped_at IS NULL;
