SELECT r.kind
  FROM vpd_private.authority a
  JOIN vpd_private.role_detail r ON r.role_id = a.id
 WHERE a.kind = 'role'
   AND a.name = $1
   AND a.dropped_at IS NULL;
