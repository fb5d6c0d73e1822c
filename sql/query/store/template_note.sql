-- Remembers which template a role and the data group of its name came from.
INSERT INTO vpd_private.data_role (role_id, data_group_id, template, node)
SELECT a.id, g.id, $2, $3
  FROM vpd_private.authority a
  LEFT JOIN vpd_private.authority g ON g.kind = 'data_group' AND g.name = a.name AND g.dropped_at IS NULL
 WHERE a.kind = 'role'
   AND a.name = $1
   AND a.dropped_at IS NULL
    ON CONFLICT (role_id) DO UPDATE
   SET data_group_id = excluded.data_group_id,
       template = excluded.template,
       node = excluded.node
 WHERE (data_role.data_group_id, data_role.template, data_role.node)
       IS DISTINCT FROM (excluded.data_group_id, excluded.template, excluded.node);
