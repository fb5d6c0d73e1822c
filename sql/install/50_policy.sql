-- Row policies. The predicates are supplied at rewrite time by the library; the catalogue holds no permissive policy,
-- so that a server without the library shows nothing.

CREATE TABLE vpd_private.protected_table (
    relation regclass PRIMARY KEY,
    had_row_security boolean NOT NULL,
    had_force boolean NOT NULL,
    protected_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE vpd_private.protected_table IS 'Tables under policy and what protecting them changed.';
COMMENT ON COLUMN vpd_private.protected_table.relation IS 'The table.';
COMMENT ON COLUMN vpd_private.protected_table.had_row_security IS 'Whether row security was enabled before.';
COMMENT ON COLUMN vpd_private.protected_table.had_force IS 'Whether it was forced on the owner before.';
COMMENT ON COLUMN vpd_private.protected_table.protected_at IS 'When the first policy was added.';
SELECT pg_extension_config_dump('vpd_private.protected_table', '');

CREATE TABLE vpd_private.policy (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    predicate text,
    function_schema text,
    function_name text,
    kind text NOT NULL CHECK (kind IN ('static', 'shared_static', 'context_sensitive', 'shared_context_sensitive', 'dynamic')),
    statement_types text[] NOT NULL,
    is_update_checked boolean NOT NULL,
    is_enabled boolean NOT NULL,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    altered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name),
    CHECK ((predicate IS NULL) <> (function_name IS NULL)),
    CHECK ((function_schema IS NULL) = (function_name IS NULL))
);
COMMENT ON TABLE vpd_private.policy IS 'Row policies.';
COMMENT ON COLUMN vpd_private.policy.relation IS 'Table the policy protects.';
COMMENT ON COLUMN vpd_private.policy.policy_name IS 'Name, unique for the table.';
COMMENT ON COLUMN vpd_private.policy.predicate IS 'Predicate template: one boolean expression over the table''s columns.';
COMMENT ON COLUMN vpd_private.policy.function_schema IS 'Schema of the policy function.';
COMMENT ON COLUMN vpd_private.policy.function_name IS 'Name of the policy function (object_schema text, object_name text) RETURNS text.';
COMMENT ON COLUMN vpd_private.policy.kind IS 'When a policy function runs again: never, when the context changed, for every statement.';
COMMENT ON COLUMN vpd_private.policy.statement_types IS 'Commands it applies to: select, insert, update, delete.';
COMMENT ON COLUMN vpd_private.policy.is_update_checked IS 'Whether new rows of INSERT and UPDATE must satisfy it.';
COMMENT ON COLUMN vpd_private.policy.is_enabled IS 'A disabled policy restricts nothing.';
COMMENT ON COLUMN vpd_private.policy.created_by IS 'Role that added it.';
COMMENT ON COLUMN vpd_private.policy.created_at IS 'When it was added.';
COMMENT ON COLUMN vpd_private.policy.altered_at IS 'When it was last changed.';
SELECT pg_extension_config_dump('vpd_private.policy', '');

CREATE FUNCTION vpd.guard() RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'guard_wrapper';
COMMENT ON FUNCTION vpd.guard IS
'Condition of the restrictive policy vpd_guard that every protected table carries. True, and folded away when a plan is made,
in a backend where the library supplies the policies; errors otherwise: 55000 not_ready.';

CREATE FUNCTION vpd_private.context_marker() RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'context_marker_wrapper';
COMMENT ON FUNCTION vpd_private.context_marker IS
'Always true. Marks plans whose predicate text depends on the context, so that exactly those are planned again when it changes.';

CREATE FUNCTION vpd_private.statement_marker() RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'statement_marker_wrapper';
COMMENT ON FUNCTION vpd_private.statement_marker IS
'Always true. Marks plans with a dynamic policy, so that exactly those are planned again for every statement.';

CREATE FUNCTION vpd_private.policy_violated(relation regclass, policy_name text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'policy_violated_wrapper';
COMMENT ON FUNCTION vpd_private.policy_violated IS
'Raises 44000 policy_check (ORA-28115): a new row does not satisfy the policy. Called from the checks of the library.';

CREATE FUNCTION vpd.add_policy(
    relation regclass,
    policy_name text,
    predicate text DEFAULT NULL,
    policy_function regproc DEFAULT NULL,
    kind text DEFAULT NULL,
    statement_types text[] DEFAULT '{select,insert,update,delete}',
    update_check boolean DEFAULT true,
    enabled boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_policy_wrapper';
COMMENT ON FUNCTION vpd.add_policy IS
'Adds a row policy to a table and, with the first one, enables and forces row security on it. A row is visible when every policy
of the table holds. Arguments: predicate, one boolean expression over the table''s columns, at most 64 KiB; or policy_function,
(object_schema text, object_name text) RETURNS text; kind static, shared_static (default for predicates), context_sensitive,
shared_context_sensitive or dynamic (default for functions: the function runs when a statement is prepared, and again for each execution after the first); statement_types out of select, insert, update, delete;
update_check: new rows must satisfy the policy; enabled. Names in a predicate are resolved in pg_catalog: qualify your own functions and tables, and grant USAGE on their schemas to whoever queries.
Errors: 42601 or 22023 predicate_invalid (ORA-28113), 42809 not a table, 42710 policy_exists (ORA-28101), 22023 argument_invalid.';

CREATE FUNCTION vpd.alter_policy(
    relation regclass,
    policy_name text,
    predicate text DEFAULT NULL,
    policy_function regproc DEFAULT NULL,
    kind text DEFAULT NULL,
    statement_types text[] DEFAULT NULL,
    update_check boolean DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'alter_policy_wrapper';
COMMENT ON FUNCTION vpd.alter_policy IS
'Changes a policy; NULL leaves a property as it is, a predicate replaces a function and the reverse. Takes effect in every backend when it commits.
Errors: as add_policy, and 42704 policy_not_found (ORA-28102).';

CREATE FUNCTION vpd.enable_policy(relation regclass, policy_name text, enabled boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'enable_policy_wrapper';
COMMENT ON FUNCTION vpd.enable_policy IS
'Enables or disables a policy. A table all of whose policies are disabled shows its rows to whoever has a session.
Errors: 42704 policy_not_found (ORA-28102).';

CREATE FUNCTION vpd.refresh_policy(relation regclass, policy_name text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'refresh_policy_wrapper';
COMMENT ON FUNCTION vpd.refresh_policy IS
'Makes every backend forget the predicates of a table, so that policy functions run again. Errors: 42704 policy_not_found (ORA-28102).';

CREATE FUNCTION vpd.drop_policy(relation regclass, policy_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_policy_wrapper';
COMMENT ON FUNCTION vpd.drop_policy IS
'Drops a policy. With the last one the table gets back the row security settings it had before the first.
Errors: 42704 policy_not_found (ORA-28102).';

CREATE FUNCTION vpd.effective_predicate(relation regclass, command text DEFAULT 'select') RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'effective_predicate_wrapper';
COMMENT ON FUNCTION vpd.effective_predicate IS
'The predicate that the policies of a table add to a command of the current session, before optimization; NULL when the table is not protected.
command: select, insert, update or delete. Errors: 22023 argument_invalid, 38000 policy_function_failed.';

CREATE VIEW vpd.policies AS
    SELECT p.relation,
           p.policy_name,
           p.kind,
           CASE WHEN cardinality(p.statement_types) = 4 THEN 'all' ELSE array_to_string(p.statement_types, ',') END AS statements,
           p.is_update_checked AS checked,
           p.is_enabled AS enabled,
           coalesce(
               CASE WHEN length(p.predicate) > 28 THEN left(p.predicate, 27) || '…' ELSE p.predicate END,
               p.function_schema || '.' || p.function_name || '()'
           ) AS predicate
      FROM vpd_private.policy p
     ORDER BY p.relation::text, p.policy_name;
COMMENT ON VIEW vpd.policies IS 'Policies, a line each; a long predicate is cut, policy_definitions has it whole.';

CREATE VIEW vpd.policy_definitions AS
    SELECT p.relation,
           p.policy_name,
           p.predicate,
           p.function_schema,
           p.function_name,
           p.kind,
           p.statement_types,
           p.is_update_checked,
           p.is_enabled,
           p.created_by,
           p.created_at,
           p.altered_at
      FROM vpd_private.policy p;
COMMENT ON VIEW vpd.policy_definitions IS 'Policies with every property.';

CREATE VIEW vpd.protected_tables AS
    SELECT t.relation,
           (SELECT count(*) FROM vpd_private.policy p WHERE p.relation = t.relation) AS policies,
           (SELECT count(*) FROM vpd_private.policy p WHERE p.relation = t.relation AND p.is_enabled) AS enabled_policies,
           c.relrowsecurity AS is_row_security_enabled,
           c.relforcerowsecurity AS is_forced,
           EXISTS (SELECT FROM pg_policy g WHERE g.polrelid = t.relation AND g.polname = 'vpd_guard') AS has_guard,
           t.protected_at
      FROM vpd_private.protected_table t
      LEFT JOIN pg_class c ON c.oid = t.relation;
COMMENT ON VIEW vpd.protected_tables IS 'Tables under policy and whether their defences stand: row security enabled, forced, guard present.';

CREATE FUNCTION vpd_private.follow_ddl() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'follow_ddl_wrapper';
COMMENT ON FUNCTION vpd_private.follow_ddl IS
'Keeps the catalogue of policies in step with the tables: a new partition of a protected table is protected at once (rows are
then seen through the parent only), the policies of a dropped table go with it.';

CREATE EVENT TRIGGER vpd_follow_create ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE', 'CREATE FOREIGN TABLE')
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_create IS 'Protects new partitions of protected tables.';
CREATE EVENT TRIGGER vpd_follow_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'DROP EXTENSION', 'DROP TYPE', 'DROP MATERIALIZED VIEW')
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_drop IS 'Forgets the policies of dropped tables.';
