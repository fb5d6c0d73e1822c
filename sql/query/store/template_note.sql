-- Remembers which template a role came from.
INSERT INTO vpd_private.data_role (role_id, template, node)
SELECT a.id, $2, $3
  FROM vpd_private.authority a
 WHERE a.kind = 'role'
   AND a.name = $1
   AND a.dropped_at IS NULL
    ON CONFLICT (role_id) DO UPDATE SET template = excluded.template, node = excluded.node
 WHERE (data_role.template, data_role.node) <> (excluded.template, excluded.node);
