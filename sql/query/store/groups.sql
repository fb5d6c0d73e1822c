-- Groups as definitions.
SELECT jsonb_build_object('name', a.name, 'description', a.description, 'enabled', a.is_enabled, 'seeded_by', a.seeded_by)
  FROM vpd_private.authority a
 WHERE a.kind = 'group'
   AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C";
