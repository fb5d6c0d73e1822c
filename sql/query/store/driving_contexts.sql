-- Driving contexts as definitions.
SELECT jsonb_build_object('relation', format('%I.%I', n.nspname, c.relname), 'namespace', d.namespace, 'attribute', d.attribute)
  FROM vpd_private.driving_context d
  JOIN pg_class c ON c.oid = d.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C", d.namespace COLLATE "C", d.attribute COLLATE "C";
