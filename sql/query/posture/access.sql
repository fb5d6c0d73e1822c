-- Who may plant objects, and privileges on what is ours.
SELECT 'medium' AS severity,
       'public_creates' AS finding,
       n.nspname::text AS object,
       'anybody may create functions and operators here that others call by mistake' AS detail,
       format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname) AS remedy
  FROM pg_namespace n
 CROSS JOIN LATERAL aclexplode(n.nspacl) a
 WHERE a.grantee = 0
   AND a.privilege_type = 'CREATE'
UNION ALL
SELECT 'info',
       'public_temporary_objects',
       d.datname::text,
       'anybody may create temporary tables, which keep rows within a connection',
       format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', d.datname)
  FROM pg_database d
 CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.datname = current_database()
   AND a.grantee = 0
   AND a.privilege_type = 'TEMPORARY'
UNION ALL
SELECT 'critical',
       'private_table_granted',
       format('vpd_private.%I to %s', c.relname, coalesce(quote_ident(r.rolname), 'PUBLIC')),
       'the tables of the extension decide who sees what; no role needs them',
       format('REVOKE ALL ON vpd_private.%I FROM %s', c.relname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  FROM pg_class c
 CROSS JOIN LATERAL aclexplode(c.relacl) a
  LEFT JOIN pg_authid r ON r.oid = a.grantee
 WHERE c.relnamespace = 'vpd_private'::regnamespace
   AND a.grantee <> c.relowner
 GROUP BY c.relname, r.rolname
UNION ALL
SELECT 'critical',
       'profile_function_public',
       format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
       'belongs to a profile, and anybody may execute it',
       format('REVOKE EXECUTE ON FUNCTION %I.%I(%s) FROM PUBLIC', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN (
       SELECT DISTINCT CASE WHEN object LIKE '%.%' THEN object ELSE 'vpd.' || object END AS name FROM vpd_private.profile_privilege
   ) x ON x.name = n.nspname || '.' || p.proname
 WHERE EXISTS (
           SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'
       );
