-- Tables with audit columns, as definitions.
SELECT jsonb_build_object('relation', format('%I.%I', n.nspname, c.relname), 'identity', t.identity)
       || (SELECT jsonb_object_agg(k.purpose, k.column_name) FROM vpd_private.tracked_column k WHERE k.relation = t.relation)
  FROM vpd_private.tracked_table t
  JOIN pg_class c ON c.oid = t.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C";
