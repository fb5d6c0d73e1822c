-- Functions that run above policies, or that policies rest on.
WITH own AS (
    SELECT d.objid AS oid
      FROM pg_depend d
     WHERE d.classid = 'pg_proc'::regclass
       AND d.deptype = 'e'
), routine AS (
    SELECT p.oid,
           p.proname,
           p.prosrc,
           p.prosecdef,
           p.proleakproof,
           p.proparallel,
           p.provolatile,
           p.prosqlbody IS NOT NULL AS is_parsed,
           p.proconfig,
           p.proowner,
           o.rolname AS owner,
           o.rolsuper OR o.rolbypassrls AS is_above,
           o.rolsuper,
           l.lanname,
           l.lanpltrusted,
           format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
           n.nspname,
           EXISTS (
               SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'
           ) AS is_public
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
      JOIN pg_authid o ON o.oid = p.proowner
      JOIN pg_language l ON l.oid = p.prolang
     WHERE p.oid >= 16384
       AND n.nspname NOT LIKE 'pg\_temp%'
       AND p.oid NOT IN (SELECT oid FROM own)
), policy_function AS (
    SELECT DISTINCT r.*
      FROM vpd_private.policy p
      JOIN routine r ON r.nspname = p.function_schema AND r.proname = p.function_name
), expression AS (
    SELECT predicate AS text FROM vpd_private.policy WHERE predicate IS NOT NULL
    UNION ALL
    SELECT mask FROM vpd_private.mask
    UNION ALL
    SELECT visible_when FROM vpd_private.mask
)
SELECT CASE WHEN r.is_public THEN 'high' ELSE 'medium' END AS severity,
       'definer_function' AS finding,
       r.name AS object,
       format(
           '%s as %I, to whom policies do not apply, and %s %s',
           CASE WHEN r.is_public THEN 'anybody runs it' ELSE 'runs' END,
           r.owner,
           CASE WHEN bool_or(used.is_certain) THEN 'uses' ELSE 'may use' END,
           min(t.name)
       ) AS detail,
       format('ALTER ROUTINE %s SECURITY INVOKER', r.name) AS remedy
  FROM routine r
 CROSS JOIN vpd_private.posture_table t
 CROSS JOIN LATERAL (
       SELECT r.is_parsed AS is_certain
        WHERE CASE
                  WHEN r.is_parsed THEN EXISTS (
                      SELECT FROM pg_depend d
                       WHERE d.classid = 'pg_proc'::regclass AND d.objid = r.oid
                         AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                  )
                  ELSE vpd_private.mentions(r.prosrc, t.relname)
              END
   ) used
 WHERE r.prosecdef
   AND (r.is_above OR EXISTS (
           SELECT FROM vpd_private.posture_exempt e WHERE e.role = r.proowner AND (e.relation IS NULL OR e.relation = t.oid)
       ))
 GROUP BY r.name, r.owner, r.is_public
UNION ALL
SELECT 'high', 'leakproof_function', r.name, 'runs before policies are asked, on rows they hide', format('ALTER ROUTINE %s NOT LEAKPROOF', r.name)
  FROM routine r
 WHERE r.proleakproof
UNION ALL
SELECT 'medium',
       'untrusted_function',
       r.name,
       format('written in %s, which can do whatever the server can, and anybody runs it', r.lanname),
       format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', r.name)
  FROM routine r
 WHERE NOT r.lanpltrusted
   AND r.lanname <> 'internal'
   AND r.is_public
UNION ALL
SELECT 'medium',
       'parallel_safe_function',
       r.name,
       'labelled PARALLEL SAFE, and reads the session or a table under policy, or may do so in a predicate: in a parallel worker that is an error',
       format('ALTER ROUTINE %s PARALLEL RESTRICTED', r.name)
  FROM routine r
 WHERE r.proparallel = 's'
   AND r.lanname NOT IN ('c', 'internal')
   AND (
       r.prosrc ~* '\mvpd\.'
       OR EXISTS (
           SELECT FROM expression e
            WHERE vpd_private.mentions(e.text, r.proname)
       )
       OR EXISTS (
           SELECT FROM vpd_private.posture_table t
            WHERE vpd_private.mentions(r.prosrc, t.relname)
       )
       OR EXISTS (
           SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = r.oid
              AND (
                  d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM own)
                  OR d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT t.oid FROM vpd_private.posture_table t)
              )
       )
   )
UNION ALL
SELECT CASE WHEN EXISTS (SELECT FROM vpd_private.posture_holder h WHERE h.role = f.proowner) THEN 'critical' ELSE 'medium' END,
       'policy_function_owner',
       f.name,
       format('%I can replace this policy function, and so decide what is shown', f.owner),
       format('ALTER ROUTINE %s OWNER TO %I', f.name, (SELECT b.rolname FROM pg_authid b WHERE b.oid = 10))
  FROM policy_function f
 WHERE NOT f.rolsuper
UNION ALL
SELECT 'high',
       'policy_function_path',
       f.name,
       'names in this policy function are looked up in the search_path of whoever runs the statement',
       format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp', f.name)
  FROM policy_function f
 WHERE NOT f.is_parsed
   AND f.lanname NOT IN ('c', 'internal')
   AND NOT EXISTS (SELECT FROM unnest(f.proconfig) c WHERE c LIKE 'search\_path=%')
UNION ALL
SELECT 'low',
       'policy_function_public',
       f.name,
       'anybody can call this policy function and read the predicates it makes',
       format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f.name)
  FROM policy_function f
 WHERE f.is_public
UNION ALL
SELECT 'low', 'policy_function_volatile', f.name, 'a policy function that only reads should say so', format('ALTER ROUTINE %s STABLE', f.name)
  FROM policy_function f
 WHERE f.provolatile = 'v';
