-- Duties as definitions.
SELECT jsonb_build_object('name', a.name, 'description', a.description, 'enabled', a.is_enabled, 'seeded_by', a.seeded_by)
  FROM vpd_private.authority a
 WHERE a.kind = 'duty'
   AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C";
