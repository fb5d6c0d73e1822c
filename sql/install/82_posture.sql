-- Posture: every known way around a policy in this database, with the statement that mends it.

CREATE VIEW vpd_private.posture_table AS
    SELECT c.oid,
           n.nspname,
           c.relname,
           format('%I.%I', n.nspname, c.relname) AS name,
           c.relowner,
           c.relkind,
           c.relrowsecurity,
           c.relforcerowsecurity,
           c.relacl,
           c.reltuples
      FROM vpd_private.protected_table t
      JOIN pg_class c ON c.oid = t.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd_private.posture_table IS 'Protected tables with what the posture report needs of them.';
COMMENT ON COLUMN vpd_private.posture_table.oid IS 'Number of the table.';
COMMENT ON COLUMN vpd_private.posture_table.nspname IS 'Its schema.';
COMMENT ON COLUMN vpd_private.posture_table.relname IS 'Its name.';
COMMENT ON COLUMN vpd_private.posture_table.name IS 'Its name with the schema, quoted.';
COMMENT ON COLUMN vpd_private.posture_table.relowner IS 'Its owner.';
COMMENT ON COLUMN vpd_private.posture_table.relkind IS 'Kind of relation, as in pg_class.';
COMMENT ON COLUMN vpd_private.posture_table.relrowsecurity IS 'Whether row security is enabled.';
COMMENT ON COLUMN vpd_private.posture_table.relforcerowsecurity IS 'Whether row security binds the owner.';
COMMENT ON COLUMN vpd_private.posture_table.relacl IS 'Its privileges.';
COMMENT ON COLUMN vpd_private.posture_table.reltuples IS 'Rows, as the last ANALYZE estimated.';

CREATE VIEW vpd_private.posture_exempt AS
    SELECT r.oid AS role, r.rolname, 'superuser' AS why, NULL::oid AS relation FROM pg_authid r WHERE r.rolsuper
    UNION ALL
    SELECT r.oid, r.rolname, 'BYPASSRLS', NULL FROM pg_authid r WHERE r.rolbypassrls AND NOT r.rolsuper
    UNION ALL
    SELECT r.oid, r.rolname, 'exempt', e.relation::oid
      FROM vpd_private.exemption e
      JOIN pg_authid r ON r.oid = e.role AND r.rolname = e.role_name
     WHERE e.revoked_at IS NULL AND NOT r.rolsuper AND NOT r.rolbypassrls;
COMMENT ON VIEW vpd_private.posture_exempt IS 'Roles that policies do not apply to, and why; relation NULL stands for every table.';
COMMENT ON COLUMN vpd_private.posture_exempt.rolname IS 'Its name.';
COMMENT ON COLUMN vpd_private.posture_exempt.why IS 'Why policies do not apply to it: superuser, BYPASSRLS, or exempted.';

CREATE VIEW vpd_private.posture_holder AS
    SELECT DISTINCT a.grantee AS role,
           CASE p.proname
               WHEN 'attach_session' THEN 'runtime'
               WHEN 'create_session' THEN 'session_creator'
               ELSE 'bridge'
           END AS profile
      FROM pg_proc p
     CROSS JOIN LATERAL aclexplode(p.proacl) a
     WHERE p.pronamespace = 'vpd'::regnamespace
       AND p.proname IN ('attach_session', 'create_session', 'create_session_from_token')
       AND a.grantee <> p.proowner;
COMMENT ON VIEW vpd_private.posture_holder IS 'Roles of applications: who may attach a session (runtime), create one from a token (bridge) or for anybody (session_creator); role 0 stands for PUBLIC.';
COMMENT ON COLUMN vpd_private.posture_holder.role IS 'The role; 0 for PUBLIC.';
COMMENT ON COLUMN vpd_private.posture_holder.profile IS 'runtime, bridge or session_creator.';

CREATE VIEW vpd_private.posture_setting AS
    SELECT s.name,
           coalesce(
               CASE WHEN s.source = 'command line' THEN s.setting END,
               (SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name AND f.applied ORDER BY f.seqno DESC LIMIT 1),
               s.boot_val
           ) AS value,
           'server' AS place,
           format('ALTER SYSTEM SET %s = ', s.name) AS set_command,
           '; SELECT pg_reload_conf()' AS afterwards
      FROM pg_settings s
    UNION ALL
    SELECT split_part(c.entry, '=', 1),
           substr(c.entry, strpos(c.entry, '=') + 1),
           concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)),
           CASE
               WHEN r.oid IS NULL THEN format('ALTER DATABASE %I SET %s = ', d.datname, split_part(c.entry, '=', 1))
               WHEN d.oid IS NULL THEN format('ALTER ROLE %I SET %s = ', r.rolname, split_part(c.entry, '=', 1))
               ELSE format('ALTER ROLE %I IN DATABASE %I SET %s = ', r.rolname, d.datname, split_part(c.entry, '=', 1))
           END,
           ''
      FROM pg_db_role_setting g
     CROSS JOIN LATERAL unnest(g.setconfig) AS c (entry)
      LEFT JOIN pg_authid r ON r.oid = g.setrole
      LEFT JOIN pg_database d ON d.oid = g.setdatabase
     WHERE g.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()));
COMMENT ON VIEW vpd_private.posture_setting IS
'Settings as files, databases and roles give them, whatever the session that looks has set, with the beginning of the command that changes them.';
COMMENT ON COLUMN vpd_private.posture_setting.name IS 'Name of the setting.';
COMMENT ON COLUMN vpd_private.posture_setting.value IS 'Its value there.';
COMMENT ON COLUMN vpd_private.posture_setting.place IS 'Where it is set: for the server, a database, a role, or both.';
COMMENT ON COLUMN vpd_private.posture_setting.set_command IS 'Beginning of the command that changes it.';
COMMENT ON COLUMN vpd_private.posture_setting.afterwards IS 'What makes the change count.';

CREATE FUNCTION vpd_private.as_pattern(name text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE STRICT
    RETURN regexp_replace(replace(name, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g');
COMMENT ON FUNCTION vpd_private.as_pattern IS 'A part of a regular expression that matches a name, as it stands between double quotes, and nothing else.';

CREATE FUNCTION vpd_private.mentions(source text, name text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE STRICT
    RETURN source ~* concat(
        CASE WHEN name ~ '^[[:alnum:]_]' THEN '\m' END,
        vpd_private.as_pattern(name),
        CASE WHEN name ~ '[[:alnum:]_]$' THEN '\M' END
    );
COMMENT ON FUNCTION vpd_private.mentions IS 'True when a text has a name as a word of its own, quoted or not.';

CREATE FUNCTION vpd.posture() RETURNS TABLE (severity text, finding text, object text, detail text, remedy text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50
    AS 'MODULE_PATHNAME', 'posture_wrapper';
COMMENT ON FUNCTION vpd.posture IS
'Every known way around a policy in this database, the worst first. severity: critical (rows are open, or can be opened by an application), high, medium, low,
info (as it must be, but worth knowing); finding: a stable token, see docs/reference/posture.md; object: what it concerns; detail: why it matters;
remedy: the statement that mends it, or an SQL comment where no statement can. A check that failed is a finding itself (check_failed).
Works without the preloaded library too, and says so.';
