-- Exemption: roles that policies do not apply to, as Oracle's EXEMPT ACCESS POLICY. Rows are only added and closed, never
-- removed: the table is the history too.

CREATE TABLE vpd_private.exemption (
    role oid NOT NULL,
    role_name text NOT NULL,
    relation regclass,
    relation_name text,
    reason text NOT NULL CHECK (reason <> ''),
    granted_by text NOT NULL DEFAULT session_user,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_by text,
    revoked_at timestamptz,
    CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
) WITH (parallel_workers = 0);
-- It has no key of its own: without this, a publication of all tables would stop its updates, and with them every DROP.
ALTER TABLE vpd_private.exemption REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX exemption_role_idx ON vpd_private.exemption (role, (coalesce(relation::oid, 0))) WHERE revoked_at IS NULL;
COMMENT ON TABLE vpd_private.exemption IS 'Roles that are exempt from policies, and those that were.';
COMMENT ON COLUMN vpd_private.exemption.role IS 'The role. With the name: a role made later with the same name, or the same number, is not exempt.';
COMMENT ON COLUMN vpd_private.exemption.role_name IS 'Its name when the exemption was granted.';
COMMENT ON COLUMN vpd_private.exemption.relation IS 'The table it is exempt on; NULL for every table.';
COMMENT ON COLUMN vpd_private.exemption.relation_name IS 'Name of the table when the exemption was granted.';
COMMENT ON COLUMN vpd_private.exemption.reason IS 'Why, in the words of whoever granted it.';
COMMENT ON COLUMN vpd_private.exemption.granted_by IS 'Role that was logged in when it was granted.';
COMMENT ON COLUMN vpd_private.exemption.granted_at IS 'When it was granted.';
COMMENT ON COLUMN vpd_private.exemption.revoked_by IS 'Role that was logged in when it was revoked, or (role dropped), (table dropped); NULL while it is good.';
COMMENT ON COLUMN vpd_private.exemption.revoked_at IS 'When it was revoked.';
SELECT pg_extension_config_dump('vpd_private.exemption', '');

CREATE FUNCTION vpd.grant_exempt(role_name regrole, reason text, relation regclass DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'grant_exempt_wrapper';
COMMENT ON FUNCTION vpd.grant_exempt IS
'Exempts a role from policies, as Oracle''s EXEMPT ACCESS POLICY: what runs as that role, with a session or without, sees and changes every
row and column of the table, or with relation NULL of every table. Membership is not enough; SET ROLE, and a SECURITY DEFINER function that
the role owns, are. Arguments: reason, 1 to 1000 characters. Nobody can exempt himself or a role he is a member of. Takes effect in every
backend when it commits; granted and revoked exemptions stand in vpd.exemptions and in the server''s log.
Errors: 22023 argument_invalid, 42501 privilege_missing, 42704 role_not_found, 42710 exemption_exists, 42809 relation_unsupported.';

CREATE FUNCTION vpd.revoke_exempt(role_name regrole, relation regclass DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'revoke_exempt_wrapper';
COMMENT ON FUNCTION vpd.revoke_exempt IS
'Revokes an exemption; relation NULL stands for the exemption on every table, as in grant_exempt. Takes effect in every backend when it commits,
in open transactions too: a statement or cursor that was planned as exempt fails with 40001 exemption_changed.
Errors: 42704 exemption_not_found.';

CREATE VIEW vpd.exemptions AS
    SELECT e.role_name,
           e.relation_name AS relation,
           e.reason,
           e.granted_by,
           e.granted_at,
           e.revoked_by,
           e.revoked_at,
           e.revoked_at IS NULL
           AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = e.role AND r.rolname = e.role_name) AS is_active
      FROM vpd_private.exemption e
     ORDER BY e.granted_at DESC;
COMMENT ON VIEW vpd.exemptions IS
'Exemptions, newest first, revoked ones included; relation NULL stands for every table. One that is neither revoked nor active belongs to a role
that was renamed or replaced.';
COMMENT ON COLUMN vpd.exemptions.relation IS 'Name of the table it is exempt on; NULL for every table.';
COMMENT ON COLUMN vpd.exemptions.is_active IS 'Whether it holds now: it is not revoked, and the role has still its name.';
