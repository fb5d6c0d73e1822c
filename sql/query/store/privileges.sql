-- Privileges as definitions.
SELECT jsonb_build_object(
           'name', a.name,
           'mode', p.mode,
           'description', a.description,
           'enabled', a.is_enabled,
           'seeded_by', a.seeded_by
       )
  FROM vpd_private.authority a
  LEFT JOIN vpd_private.privilege_detail p ON p.privilege_id = a.id
 WHERE a.kind = 'privilege'
   AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C";
