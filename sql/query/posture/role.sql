-- Roles that policies do not apply to, roles that can become one, and roles that reach the data below SQL.
SELECT CASE WHEN r.oid = 10 THEN 'info' ELSE 'medium' END AS severity,
       'superuser' AS finding,
       r.rolname::text AS object,
       'policies do not apply to superusers, who can also change the audit trail' AS detail,
       CASE WHEN r.oid = 10 THEN '-- the server needs it; let nobody work as it' ELSE format('ALTER ROLE %I NOSUPERUSER', r.rolname) END AS remedy
  FROM pg_authid r
 WHERE r.rolsuper
UNION ALL
SELECT 'medium', 'bypassrls', r.rolname::text, 'policies do not apply to roles with BYPASSRLS', format('ALTER ROLE %I NOBYPASSRLS', r.rolname)
  FROM pg_authid r
 WHERE r.rolbypassrls
   AND NOT r.rolsuper
UNION ALL
SELECT CASE WHEN EXISTS (SELECT FROM vpd_private.posture_holder h WHERE h.role IN (0, e.role)) THEN 'critical' ELSE 'medium' END,
       'exempt_role',
       concat_ws(' on ', e.role_name, e.relation_name),
       'exempt from policies: ' || e.reason,
       format(
           'SELECT vpd.revoke_exempt(%L%s)',
           quote_ident(e.role_name),
           CASE WHEN e.relation IS NOT NULL THEN format(', %L', format('%I.%I', n.nspname, c.relname)) END
       )
  FROM vpd_private.exemption e
  JOIN pg_authid r ON r.oid = e.role AND r.rolname = e.role_name
  LEFT JOIN pg_class c ON c.oid = e.relation
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE e.revoked_at IS NULL
UNION ALL
SELECT 'low',
       'exemption_of_another_role',
       e.role_name,
       'the role was renamed or replaced; the exemption has no effect and would have again if the name came back',
       format('SELECT vpd.revoke_exempt(%s::oid::regrole%s)', e.role, ', ' || e.relation::oid || '::oid::regclass')
  FROM vpd_private.exemption e
 WHERE e.revoked_at IS NULL
   AND NOT EXISTS (SELECT FROM pg_authid r WHERE r.oid = e.role AND r.rolname = e.role_name)
UNION ALL
SELECT CASE WHEN EXISTS (SELECT FROM vpd_private.posture_holder h WHERE h.role = m.member) THEN 'critical' ELSE 'high' END,
       'member_of_exempt_role',
       format('%I of %I', u.rolname, e.rolname),
       format('after SET ROLE policies do not apply (%s)', e.why),
       format('REVOKE %I FROM %I', e.rolname, u.rolname)
  FROM (SELECT DISTINCT role, rolname, why FROM vpd_private.posture_exempt) e
  JOIN pg_auth_members m ON m.roleid = e.role
  JOIN pg_authid u ON u.oid = m.member AND NOT u.rolsuper
UNION ALL
SELECT 'critical',
       'application_above_policies',
       r.rolname::text,
       format('holds the profile %s, and policies do not apply to it', h.profile),
       format('SELECT vpd.revoke_profile(%L, %L)', h.profile, quote_ident(r.rolname))
  FROM vpd_private.posture_holder h
  JOIN pg_authid r ON r.oid = h.role AND (r.rolsuper OR r.rolbypassrls)
UNION ALL
SELECT DISTINCT
       'high',
       'bridge_reads_tables',
       format('%I on %s', r.rolname, t.name),
       'creates sessions of others and can read the rows those sessions see',
       format('REVOKE ALL ON %s FROM %I', t.name, r.rolname)
  FROM vpd_private.posture_holder h
  JOIN pg_authid r ON r.oid = h.role
 CROSS JOIN vpd_private.posture_table t
 WHERE h.profile IN ('bridge', 'session_creator')
   AND EXISTS (SELECT FROM aclexplode(t.relacl) a WHERE a.grantee = r.oid)
UNION ALL
SELECT 'medium',
       'session_creator',
       r.rolname::text,
       'creates sessions for any user, whoever that is, by the word of the login service alone',
       format('SELECT vpd.revoke_profile(''session_creator'', %L)', r.rolname)
  FROM vpd_private.posture_holder h
  JOIN pg_authid r ON r.oid = h.role
 WHERE h.profile = 'session_creator'
   AND NOT r.rolsuper
UNION ALL
SELECT 'high',
       'keys_and_tokens',
       r.rolname::text,
       'can hand in keys and bring tokens, itself or as a role that it is a member of: creates sessions for any user, with a key of its own',
       format('SELECT vpd.revoke_profile(''key_steward'', %L)', r.rolname)
  FROM pg_authid r
 WHERE NOT r.rolsuper
   AND (SELECT bool_or(has_function_privilege(m.oid, 'vpd.set_issuer_keys(text, jsonb)'::regprocedure, 'EXECUTE'))
           AND bool_or(
                   has_function_privilege(
                       m.oid,
                       'vpd.create_session_from_token(text, text, text, text, text, text, text, inet, text, text)'::regprocedure,
                       'EXECUTE'
                   )
               )
          FROM pg_authid m
         WHERE NOT m.rolsuper
           AND pg_has_role(r.oid, m.oid, 'MEMBER'))
UNION ALL
SELECT 'medium',
       'issuer_without_keys',
       'issuer ' || i.issuer,
       'nobody can log in with its tokens',
       format('SELECT vpd.distrust_issuer(%L); -- or hand in the keys that its jwks_uri gives, with vpd.set_issuer_keys', i.issuer)
  FROM vpd_private.issuer i
 WHERE NOT EXISTS (
           SELECT
             FROM vpd_private.issuer_key k
            WHERE k.issuer = i.issuer
              AND (k.retired_at IS NULL OR clock_timestamp() < k.retired_at + i.key_grace)
       )
UNION ALL
SELECT 'high',
       'creates_roles',
       r.rolname::text,
       'may make itself a member of any role but superusers, the exempt and the owners among them',
       format('ALTER ROLE %I NOCREATEROLE', r.rolname)
  FROM pg_authid r
 WHERE r.rolcreaterole
   AND NOT r.rolsuper
UNION ALL
SELECT 'high', 'replication', r.rolname::text, 'copies the whole cluster, rows and all', format('ALTER ROLE %I NOREPLICATION', r.rolname)
  FROM pg_authid r
 WHERE r.rolreplication
   AND NOT r.rolsuper
UNION ALL
SELECT f.severity, f.finding, format('%I of %I', u.rolname, g.rolname), f.detail, format('REVOKE %I FROM %I', g.rolname, u.rolname)
  FROM (VALUES
           ('pg_write_all_data', 'medium', 'writes_everything', 'writes every table that is not under policy'),
           ('pg_read_all_data', 'medium', 'reads_everything', 'reads every table that is not under policy, and the statistics of indexes over expressions'),
           ('pg_read_server_files', 'high', 'server_access', 'reads the files of the database'),
           ('pg_write_server_files', 'high', 'server_access', 'writes files of the server'),
           ('pg_execute_server_program', 'high', 'server_access', 'runs programs as the user of the server')
       ) AS f (role_name, severity, finding, detail)
  JOIN pg_authid g ON g.rolname = f.role_name
  JOIN pg_auth_members m ON m.roleid = g.oid
  JOIN pg_authid u ON u.oid = m.member AND NOT u.rolsuper;
