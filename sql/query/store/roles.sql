-- Roles as definitions.
SELECT jsonb_build_object(
           'name', a.name,
           'kind', r.kind,
           'description', a.description,
           'rule', r.rule::text,
           'enabled', a.is_enabled,
           'seeded_by', a.seeded_by
       )
  FROM vpd_private.authority a
  LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
 WHERE a.kind = 'role'
   AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C";
