-- The defences of each protected table, its owner and who may do what policies do not see.
SELECT 'critical' AS severity,
       'row_security_off' AS finding,
       t.name AS object,
       'no policy applies to anybody' AS detail,
       format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name) AS remedy
  FROM vpd_private.posture_table t
 WHERE NOT t.relrowsecurity
UNION ALL
SELECT 'critical', 'not_forced', t.name, 'no policy applies to the owner, nor to views of the owner', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.name)
  FROM vpd_private.posture_table t
 WHERE NOT t.relforcerowsecurity
UNION ALL
SELECT 'critical',
       'guard_missing',
       t.name,
       'the table shows nothing; where the library is missing, a native permissive policy opens it',
       format(
           'DROP POLICY IF EXISTS vpd_guard ON %1$s; CREATE POLICY vpd_guard ON %1$s AS RESTRICTIVE USING (vpd.guard()) WITH CHECK (vpd.guard())',
           t.name
       )
  FROM vpd_private.posture_table t
 WHERE NOT EXISTS (
           SELECT FROM pg_policy g
            WHERE g.polrelid = t.oid
              AND g.polname = 'vpd_guard'
              AND NOT g.polpermissive
              AND g.polcmd = '*'
              AND g.polroles = '{0}'
              AND pg_get_expr(g.polqual, g.polrelid) IN ('guard()', 'vpd.guard()')
              AND pg_get_expr(g.polwithcheck, g.polrelid) IN ('guard()', 'vpd.guard()')
       )
UNION ALL
SELECT 'info',
       'native_permissive_policy',
       format('%I on %s', g.polname, t.name),
       'rows are shown where such a policy of PostgreSQL permits it and every policy here allows it, to exempt roles where it permits it',
       '-- dropping the last of them shows every row that the policies here allow'
  FROM vpd_private.posture_table t
  JOIN pg_policy g ON g.polrelid = t.oid AND g.polpermissive
UNION ALL
SELECT 'critical',
       'partition_unprotected',
       format('%I.%I', n.nspname, c.relname),
       format('a partition or child of %s without policies', t.name),
       CASE
           WHEN c.relkind IN ('r', 'p') THEN format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname)
           WHEN t.relkind = 'p' THEN format('ALTER TABLE %s DETACH PARTITION %I.%I', t.name, n.nspname, c.relname)
           ELSE format('ALTER FOREIGN TABLE %I.%I NO INHERIT %s', n.nspname, c.relname, t.name)
       END
  FROM vpd_private.posture_table t
  JOIN pg_inherits i ON i.inhparent = t.oid
  JOIN pg_class c ON c.oid = i.inhrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = c.oid)
UNION ALL
SELECT 'critical',
       'parent_unprotected',
       format('%I.%I', n.nspname, c.relname),
       format('shows the rows of %s, and has no policies', t.name),
       CASE
           WHEN c.relkind = 'p' THEN format('ALTER TABLE %I.%I DETACH PARTITION %s', n.nspname, c.relname, t.name)
           ELSE format('ALTER TABLE %s NO INHERIT %I.%I', t.name, n.nspname, c.relname)
       END
  FROM vpd_private.posture_table t
  JOIN pg_inherits i ON i.inhrelid = t.oid
  JOIN pg_class c ON c.oid = i.inhparent
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = c.oid)
UNION ALL
SELECT CASE WHEN h.role IS NULL THEN 'low' ELSE 'high' END,
       CASE WHEN h.role IS NULL THEN 'owner_ddl' ELSE 'owner_is_application' END,
       format('%s of %I', t.name, r.rolname),
       CASE
           WHEN h.role IS NULL THEN 'the owner is under the policies, but drops the table, and its triggers, rules and defaults run in the sessions of others'
           ELSE format('the owner, who changes the table and its privileges, holds the profile %s', h.profile)
       END,
       format('ALTER TABLE %s OWNER TO %I', t.name, (SELECT b.rolname FROM pg_authid b WHERE b.oid = 10))
  FROM vpd_private.posture_table t
  JOIN pg_authid r ON r.oid = t.relowner AND NOT r.rolsuper
  LEFT JOIN LATERAL (
       SELECT h.role, h.profile FROM vpd_private.posture_holder h WHERE h.role = t.relowner ORDER BY h.profile LIMIT 1
   ) h ON true
UNION ALL
SELECT 'high',
       'application_can_become_owner',
       format('%I of %I', u.rolname, o.rolname),
       format('holds a profile of applications and is a member of the owner of %s', min(t.name)),
       format('REVOKE %I FROM %I', o.rolname, u.rolname)
  FROM vpd_private.posture_table t
  JOIN pg_authid o ON o.oid = t.relowner
  JOIN pg_auth_members m ON m.roleid = o.oid
  JOIN pg_authid u ON u.oid = m.member
 WHERE EXISTS (SELECT FROM vpd_private.posture_holder h WHERE h.role = u.oid)
 GROUP BY u.rolname, o.rolname
UNION ALL
SELECT CASE a.privilege_type WHEN 'TRIGGER' THEN 'medium' ELSE 'low' END,
       'privilege_past_policies',
       format('%s on %s to %s', a.privilege_type, t.name, coalesce(quote_ident(r.rolname), 'PUBLIC')),
       CASE a.privilege_type
           WHEN 'TRIGGER' THEN 'a trigger sees the rows that others write'
           WHEN 'TRUNCATE' THEN 'TRUNCATE asks no policy; the library refuses it while it is loaded'
           ELSE 'a foreign key tells which keys exist; the library refuses it while it is loaded'
       END,
       format('REVOKE %s ON %s FROM %s', a.privilege_type, t.name, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  FROM vpd_private.posture_table t
 CROSS JOIN LATERAL aclexplode(t.relacl) a
  LEFT JOIN pg_authid r ON r.oid = a.grantee
 WHERE a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
   AND a.grantee <> t.relowner
   AND NOT coalesce(r.rolsuper, false)
UNION ALL
SELECT 'info',
       'unique_key',
       t.name,
       'an insert that meets a hidden key fails, and so tells that the key exists',
       '-- use keys that nobody can guess'
  FROM vpd_private.posture_table t
 WHERE EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisunique);
