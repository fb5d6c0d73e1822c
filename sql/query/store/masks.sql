-- Column masks as definitions.
SELECT jsonb_build_object(
           'relation', format('%I.%I', n.nspname, c.relname),
           'column', m.column_name,
           'mask', m.mask,
           'visible_when', m.visible_when,
           'enabled', m.is_enabled
       )
  FROM vpd_private.mask m
  JOIN pg_class c ON c.oid = m.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C", m.column_name COLLATE "C";
