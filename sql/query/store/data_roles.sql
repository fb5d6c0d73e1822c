-- Which template and node data roles came from, as definitions.
SELECT jsonb_build_object('role', a.name, 'template', r.template, 'node', r.node)
  FROM vpd_private.data_role r
  JOIN vpd_private.authority a ON a.id = r.role_id AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C";
