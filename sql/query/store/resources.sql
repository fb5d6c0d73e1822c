-- Resources as definitions.
SELECT jsonb_build_object('name', r.name, 'kind', r.kind, 'description', r.description, 'seeded_by', r.seeded_by)
  FROM vpd_private.resource r
 ORDER BY r.name COLLATE "C";
