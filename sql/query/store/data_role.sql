-- Whether the role of a name is the one that a template made for a node. No row: there is no role of the name.
SELECT coalesce(d.kind = 'data' AND (r.template, r.node) = ($2, $3), false)
  FROM vpd_private.authority a
  LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
  LEFT JOIN vpd_private.data_role r ON r.role_id = a.id
 WHERE a.kind = 'role'
   AND a.name = $1
   AND a.dropped_at IS NULL;
