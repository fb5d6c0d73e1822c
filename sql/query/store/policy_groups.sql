-- Policy groups as definitions; SYS_DEFAULT is everywhere.
SELECT jsonb_build_object('relation', format('%I.%I', n.nspname, c.relname), 'name', g.policy_group)
  FROM vpd_private.policy_group g
  JOIN pg_class c ON c.oid = g.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C", g.policy_group COLLATE "C";
