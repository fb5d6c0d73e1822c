-- Tables that are filtered by hierarchies.
SELECT jsonb_build_object(
           'relation', format('%I.%I', n.nspname, c.relname),
           'filters', jsonb_agg(jsonb_build_object('hierarchy', h.hierarchy, 'column', h.column_name) ORDER BY h.hierarchy COLLATE "C", h.column_name COLLATE "C"),
           'enabled', bool_and(p.is_enabled)
       )
  FROM vpd_private.hierarchy_protection h
  JOIN vpd_private.policy p ON p.relation = h.relation AND p.policy_name = h.policy_name
  JOIN pg_class c ON c.oid = h.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 GROUP BY n.nspname, c.relname
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C";
