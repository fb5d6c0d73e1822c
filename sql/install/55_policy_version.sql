-- Former versions of policies, and shadows: definitions that are tried beside the active one before they replace it.

CREATE TABLE vpd_private.policy_version (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    version integer NOT NULL,
    change text NOT NULL CHECK (change IN ('added', 'altered', 'dropped', 'rolled back')),
    definition jsonb NOT NULL,
    changed_by text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name, version)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.policy_version IS 'Every definition that a policy ever had.';
COMMENT ON COLUMN vpd_private.policy_version.relation IS 'Table the policy protects.';
COMMENT ON COLUMN vpd_private.policy_version.policy_name IS 'Name of the policy.';
COMMENT ON COLUMN vpd_private.policy_version.version IS 'Number of the version, rising; goes on when a dropped policy is added again.';
COMMENT ON COLUMN vpd_private.policy_version.change IS 'What made the version: added, altered, dropped, rolled back.';
COMMENT ON COLUMN vpd_private.policy_version.definition IS 'The properties of the policy in this version.';
COMMENT ON COLUMN vpd_private.policy_version.changed_by IS 'Role that made it.';
COMMENT ON COLUMN vpd_private.policy_version.changed_at IS 'When it was made.';
SELECT pg_extension_config_dump('vpd_private.policy_version', '');

CREATE TABLE vpd_private.policy_shadow (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    predicate text,
    function_schema text,
    function_name text,
    kind text,
    statement_types text[],
    is_update_checked boolean,
    relevant_columns text[],
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name),
    CHECK ((predicate IS NULL) <> (function_name IS NULL)),
    CHECK ((function_schema IS NULL) = (function_name IS NULL))
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.policy_shadow IS 'Proposed definitions. A shadow restricts nothing.';
COMMENT ON COLUMN vpd_private.policy_shadow.relation IS 'Table the policy protects.';
COMMENT ON COLUMN vpd_private.policy_shadow.policy_name IS 'Policy it is to replace, or the name of a new one.';
COMMENT ON COLUMN vpd_private.policy_shadow.predicate IS 'Predicate template.';
COMMENT ON COLUMN vpd_private.policy_shadow.function_schema IS 'Schema of the policy function.';
COMMENT ON COLUMN vpd_private.policy_shadow.function_name IS 'Name of the policy function.';
COMMENT ON COLUMN vpd_private.policy_shadow.kind IS 'When a policy function runs again; NULL: as now, or the default.';
COMMENT ON COLUMN vpd_private.policy_shadow.statement_types IS 'Commands it is to apply to; NULL: as now, or the default.';
COMMENT ON COLUMN vpd_private.policy_shadow.is_update_checked IS 'Whether new rows must satisfy it; NULL: as now, or the default.';
COMMENT ON COLUMN vpd_private.policy_shadow.relevant_columns IS 'Columns of which a statement must reference one; NULL: as now, or none.';
COMMENT ON COLUMN vpd_private.policy_shadow.created_by IS 'Role that proposed it.';
COMMENT ON COLUMN vpd_private.policy_shadow.created_at IS 'When it was proposed.';
SELECT pg_extension_config_dump('vpd_private.policy_shadow', '');

CREATE FUNCTION vpd.shadow_policy(
    relation regclass,
    policy_name text,
    predicate text DEFAULT NULL,
    policy_function regproc DEFAULT NULL,
    kind text DEFAULT NULL,
    statement_types text[] DEFAULT NULL,
    update_check boolean DEFAULT NULL,
    relevant_columns text[] DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'shadow_policy_wrapper';
COMMENT ON FUNCTION vpd.shadow_policy IS
'Proposes a definition for a policy, or a new policy: it restricts nothing until vpd.promote_policy puts it in force. A former proposal
is replaced. Arguments as vpd.alter_policy. Errors: 42601 or 22023 predicate_invalid (ORA-28138), 22023 argument_invalid.';

CREATE FUNCTION vpd.drop_shadow(relation regclass, policy_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_shadow_wrapper';
COMMENT ON FUNCTION vpd.drop_shadow IS 'Drops a proposed definition. Errors: 42704 shadow_not_found.';

CREATE FUNCTION vpd.promote_policy(relation regclass, policy_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'promote_policy_wrapper';
COMMENT ON FUNCTION vpd.promote_policy IS
'Puts a proposed definition in force, in every backend at once when it commits. The former one stays as a version. Errors: 42704 shadow_not_found.';

CREATE FUNCTION vpd.rollback_policy(relation regclass, policy_name text, version integer DEFAULT NULL) RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'rollback_policy_wrapper';
COMMENT ON FUNCTION vpd.rollback_policy IS
'Gives a policy the definition of a former version, by default of the one before the newest, as a new version; returns the version taken.
Errors: 42704 version_not_found, 22023 predicate_invalid when its predicate does not fit the table any more (ORA-28138).';

CREATE FUNCTION vpd.policy_diff(
    relation regclass,
    user_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    sample integer DEFAULT 20,
    max_rows integer DEFAULT 1000,
    command text DEFAULT 'select'
) RETURNS TABLE (session_user_name text, session_id uuid, change text, row_key jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'policy_diff_wrapper';
COMMENT ON FUNCTION vpd.policy_diff IS
'Which rows the proposed definitions of a table would show or hide: for the newest live session of user_name, or for a sample of the
newest live sessions (1 to 1000). policy_name looks at one proposal alone. change is gained or lost; row_key is the primary key, or
the ctid without one or when it has a type that is not PostgreSQL''s own; at most max_rows (1 to 1000000) a session, with a warning when there are more. command: select, insert, update or delete.
The caller needs SELECT on the table. Its rows are copied as its owner and with no session; predicates and policy functions run as the caller, or as the owner of the table when he
is a superuser, with the session of the user.
Errors: 42704 shadow_not_found, session_not_found, relation_not_protected, 42501 without the privilege, 22023 argument_invalid.';

CREATE VIEW vpd.policy_versions AS
    SELECT v.relation, v.policy_name, v.version, v.change, v.changed_by, v.changed_at, v.definition
      FROM vpd_private.policy_version v
     ORDER BY v.relation::text, v.policy_name, v.version;
COMMENT ON VIEW vpd.policy_versions IS 'Every definition that a policy ever had, with who made it and when.';

CREATE VIEW vpd.policy_shadows AS
    SELECT s.relation,
           s.policy_name,
           EXISTS (SELECT FROM vpd_private.policy p WHERE p.relation = s.relation AND p.policy_name = s.policy_name) AS is_replacement,
           coalesce(s.predicate, s.function_schema || '.' || s.function_name || '()') AS predicate,
           s.created_by,
           s.created_at
      FROM vpd_private.policy_shadow s
     ORDER BY s.relation::text, s.policy_name;
COMMENT ON VIEW vpd.policy_shadows IS 'Proposed definitions; is_replacement is false for a policy that does not exist yet.';
COMMENT ON COLUMN vpd.policy_shadows.policy_name IS 'Policy it is to replace, or the name of a new one.';
COMMENT ON COLUMN vpd.policy_shadows.is_replacement IS 'False for a policy that does not exist yet.';
COMMENT ON COLUMN vpd.policy_shadows.predicate IS 'Predicate template, or policy function.';
