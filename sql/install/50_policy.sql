-- Row policies. The predicates are supplied at rewrite time by the library; the catalogue holds no permissive policy,
-- so that a server without the library shows nothing.

CREATE TABLE vpd_private.protected_table (
    relation regclass PRIMARY KEY,
    had_row_security boolean NOT NULL,
    had_force boolean NOT NULL,
    protected_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.protected_table IS 'Tables under policy and what protecting them changed.';
COMMENT ON COLUMN vpd_private.protected_table.relation IS 'The table.';
COMMENT ON COLUMN vpd_private.protected_table.had_row_security IS 'Whether row security was enabled before.';
COMMENT ON COLUMN vpd_private.protected_table.had_force IS 'Whether it was forced on the owner before.';
COMMENT ON COLUMN vpd_private.protected_table.protected_at IS 'When the first policy was added.';
SELECT pg_extension_config_dump('vpd_private.protected_table', '');

CREATE TABLE vpd_private.protected_column (
    relation regclass NOT NULL,
    column_name name NOT NULL,
    column_number smallint NOT NULL,
    PRIMARY KEY (relation, column_name)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.protected_column IS
'Which column of a protected table each name meant first: policies name columns, so a name must not come to mean another. Not dumped: numbers
differ where the table is restored, and are found there by the names.';
COMMENT ON COLUMN vpd_private.protected_column.relation IS 'The table.';
COMMENT ON COLUMN vpd_private.protected_column.column_name IS 'A name that a column has or had.';
COMMENT ON COLUMN vpd_private.protected_column.column_number IS 'Number of that column; 0 when it was dropped before the table was restored.';

CREATE TABLE vpd_private.former_column (
    relation regclass NOT NULL REFERENCES vpd_private.protected_table ON DELETE CASCADE,
    column_name name NOT NULL,
    present_name name,
    PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE vpd_private.former_column IS
'Names that columns of protected tables had and have no longer, for a database restored from a dump: the columns tell the other names.';
COMMENT ON COLUMN vpd_private.former_column.relation IS 'The table.';
COMMENT ON COLUMN vpd_private.former_column.column_name IS 'The name, which no other column may get.';
COMMENT ON COLUMN vpd_private.former_column.present_name IS 'What the column is called now; NULL when it was dropped.';
SELECT pg_extension_config_dump('vpd_private.former_column', '');

CREATE TABLE vpd_private.policy_group (
    relation regclass NOT NULL,
    policy_group text NOT NULL,
    PRIMARY KEY (relation, policy_group)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.policy_group IS 'Policy groups, beside SYS_DEFAULT, which every table has.';
COMMENT ON COLUMN vpd_private.policy_group.relation IS 'Table the group belongs to.';
COMMENT ON COLUMN vpd_private.policy_group.policy_group IS 'Name, in upper case.';
SELECT pg_extension_config_dump('vpd_private.policy_group', '');

CREATE TABLE vpd_private.driving_context (
    relation regclass NOT NULL,
    namespace text NOT NULL,
    attribute text NOT NULL,
    PRIMARY KEY (relation, namespace, attribute)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.driving_context IS 'Attributes of the session whose value names the policy group that applies.';
COMMENT ON COLUMN vpd_private.driving_context.relation IS 'Table whose groups it drives.';
COMMENT ON COLUMN vpd_private.driving_context.namespace IS 'Namespace of the attribute.';
COMMENT ON COLUMN vpd_private.driving_context.attribute IS 'Name of the attribute.';
SELECT pg_extension_config_dump('vpd_private.driving_context', '');

CREATE TABLE vpd_private.policy (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    policy_group text NOT NULL DEFAULT 'SYS_DEFAULT',
    predicate text,
    function_schema text,
    function_name text,
    kind text NOT NULL CHECK (kind IN ('static', 'shared_static', 'context_sensitive', 'shared_context_sensitive', 'dynamic')),
    statement_types text[] NOT NULL,
    is_update_checked boolean NOT NULL,
    is_enabled boolean NOT NULL,
    relevant_columns text[] CHECK (cardinality(relevant_columns) > 0),
    is_masking boolean NOT NULL DEFAULT false,
    associations text[] CHECK (cardinality(associations) > 0),
    version integer NOT NULL DEFAULT 1,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    altered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name),
    CHECK ((predicate IS NULL) <> (function_name IS NULL)),
    CHECK ((function_schema IS NULL) = (function_name IS NULL)),
    CHECK (NOT is_masking OR relevant_columns IS NOT NULL)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.policy IS 'Row policies.';
COMMENT ON COLUMN vpd_private.policy.relation IS 'Table the policy protects.';
COMMENT ON COLUMN vpd_private.policy.policy_name IS 'Name, unique for the table.';
COMMENT ON COLUMN vpd_private.policy.policy_group IS 'Group of the policy; SYS_DEFAULT applies always.';
COMMENT ON COLUMN vpd_private.policy.predicate IS 'Predicate template: one boolean expression over the table''s columns.';
COMMENT ON COLUMN vpd_private.policy.function_schema IS 'Schema of the policy function.';
COMMENT ON COLUMN vpd_private.policy.function_name IS 'Name of the policy function (object_schema text, object_name text) RETURNS text.';
COMMENT ON COLUMN vpd_private.policy.kind IS 'When a policy function runs again: never, when the context changed, for every statement.';
COMMENT ON COLUMN vpd_private.policy.statement_types IS 'Commands it applies to: select, insert, update, delete, index.';
COMMENT ON COLUMN vpd_private.policy.is_update_checked IS 'Whether new rows of INSERT and UPDATE must satisfy it.';
COMMENT ON COLUMN vpd_private.policy.is_enabled IS 'A disabled policy restricts nothing.';
COMMENT ON COLUMN vpd_private.policy.relevant_columns IS 'The policy applies only to statements that reference one of these columns; NULL: to all.';
COMMENT ON COLUMN vpd_private.policy.is_masking IS 'Rows stay and the relevant columns show NULL, instead of rows being left out.';
COMMENT ON COLUMN vpd_private.policy.associations IS
'Attributes, as namespace.attribute, whose change makes a context-sensitive function run again; NULL: every change of the context.';
COMMENT ON COLUMN vpd_private.policy.version IS 'Rises with every change.';
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

CREATE FUNCTION vpd_private.permitted(command integer, is_open boolean) RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'permitted_wrapper';
COMMENT ON FUNCTION vpd_private.permitted IS
'is_open. The condition of the permissive policy that the library supplies for a command, by the server''s number of it: true unless the table has
permissive policies of PostgreSQL''s own. Behind it stand the conditions of views, which are not answered by what a mask hides.';

CREATE FUNCTION vpd_private.relevant(columns smallint[], predicate boolean) RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'relevant_wrapper';
COMMENT ON FUNCTION vpd_private.relevant IS
'Returns the predicate. Marks a condition that the library leaves out of statements that reference none of the columns.';

CREATE FUNCTION vpd.add_policy(
    relation regclass,
    policy_name text,
    predicate text DEFAULT NULL,
    policy_function regproc DEFAULT NULL,
    kind text DEFAULT NULL,
    statement_types text[] DEFAULT '{select,insert,update,delete}',
    update_check boolean DEFAULT true,
    enabled boolean DEFAULT true,
    policy_group text DEFAULT 'SYS_DEFAULT',
    relevant_columns text[] DEFAULT NULL,
    mask_columns boolean DEFAULT false,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_policy_wrapper';
COMMENT ON FUNCTION vpd.add_policy IS
'Adds a row policy to a table and, with the first one, enables and forces row security on it. A row is visible when every policy
of the table holds. Arguments: predicate, one boolean expression over the table''s columns, at most 64 KiB; or policy_function,
(object_schema text, object_name text) RETURNS text; kind static, shared_static (default for predicates), context_sensitive,
shared_context_sensitive or dynamic (default for functions: the function runs when a statement is prepared, and again for each execution after the first); statement_types out of select, insert, update, delete and index (CREATE INDEX is refused while the policy restricts);
update_check: new rows must satisfy the policy; enabled; policy_group: a group that vpd.create_policy_group made;
relevant_columns: the policy applies only to statements that reference one of these columns; mask_columns: rows stay and these columns
show NULL where the predicate is not true; namespace and attribute: a context-sensitive function runs again only when this attribute changed. Names in a predicate are resolved in pg_catalog: qualify your own functions and tables, and grant USAGE on their schemas to whoever queries.
Warns of your functions that are labelled PARALLEL SAFE: what reads the session is PARALLEL RESTRICTED.
Errors: 42601 or 22023 predicate_invalid (ORA-28138), 42809 not a table, 42710 policy_exists (ORA-28101), 42704 policy_group_not_found (ORA-28119), 22023 argument_invalid.';

CREATE FUNCTION vpd.alter_policy(
    relation regclass,
    policy_name text,
    predicate text DEFAULT NULL,
    policy_function regproc DEFAULT NULL,
    kind text DEFAULT NULL,
    statement_types text[] DEFAULT NULL,
    update_check boolean DEFAULT NULL,
    relevant_columns text[] DEFAULT NULL,
    mask_columns boolean DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'alter_policy_wrapper';
COMMENT ON FUNCTION vpd.alter_policy IS
'Changes a policy; NULL leaves a property as it is, a predicate replaces a function and the reverse, an empty
array of relevant_columns makes the policy apply to every statement. Takes effect in every backend when it commits.
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

CREATE FUNCTION vpd.associate_policy(
    relation regclass,
    policy_name text,
    namespace text,
    attribute text,
    associated boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'associate_policy_wrapper';
COMMENT ON FUNCTION vpd.associate_policy IS
'Associates an attribute of the session with a context-sensitive policy, or takes the association back: the function runs again only
when one of the associated attributes has changed. Errors: 42704 policy_not_found (ORA-28102), 22023 argument_invalid.';

CREATE FUNCTION vpd.create_policy_group(relation regclass, policy_group text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'create_policy_group_wrapper';
COMMENT ON FUNCTION vpd.create_policy_group IS
'Creates a policy group for a table; names are kept in upper case. Without a driving context the policies of every group apply.
Errors: 42710 policy_group_exists (ORA-28118), 22023 argument_invalid.';

CREATE FUNCTION vpd.drop_policy_group(relation regclass, policy_group text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_policy_group_wrapper';
COMMENT ON FUNCTION vpd.drop_policy_group IS
'Drops an empty policy group. Errors: 42704 policy_group_not_found (ORA-28119), 2BP01 policy_group_used while it has policies, 22023 argument_invalid for SYS_DEFAULT (ORA-28122).';

CREATE FUNCTION vpd.add_policy_context(relation regclass, namespace text, attribute text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_policy_context_wrapper';
COMMENT ON FUNCTION vpd.add_policy_context IS
'Adds a driving context to a table: the value of this attribute of the session names the policy group that applies beside SYS_DEFAULT.
A NULL value applies every group; several driving contexts, several groups; a value that names no group of the table is an error at the
time of use (22023 policy_group_invalid, ORA-28123). Errors: 42710 driving_context_exists (ORA-28120).';

CREATE FUNCTION vpd.drop_policy_context(relation regclass, namespace text, attribute text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_policy_context_wrapper';
COMMENT ON FUNCTION vpd.drop_policy_context IS 'Drops a driving context. Errors: 42704 driving_context_not_found (ORA-28121).';

CREATE FUNCTION vpd.effective_predicate(relation regclass, command text DEFAULT 'select') RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'effective_predicate_wrapper';
COMMENT ON FUNCTION vpd.effective_predicate IS
'The predicate that the policies of a table add to a command of the current session, as it was understood: every name resolved, before optimization. NULL when the table is not protected.
command: select, insert, update or delete. Errors: 22023 argument_invalid, 38000 policy_function_failed.';

CREATE VIEW vpd.policies AS
    SELECT p.relation,
           p.policy_name,
           p.kind,
           CASE WHEN cardinality(p.statement_types) = 4 THEN 'all' ELSE array_to_string(p.statement_types, ',') END AS statements,
           p.is_update_checked AS checked,
           p.is_enabled AS enabled,
           NULLIF(p.policy_group, 'SYS_DEFAULT') AS policy_group,
           coalesce(
               CASE WHEN length(p.predicate) > 24 THEN left(p.predicate, 23) || '…' ELSE p.predicate END,
               p.function_schema || '.' || p.function_name || '()'
           ) AS predicate
      FROM vpd_private.policy p
     ORDER BY p.relation::text, p.policy_name;
COMMENT ON VIEW vpd.policies IS 'Policies, a line each; a long predicate is cut, policy_definitions has it whole.';
COMMENT ON COLUMN vpd.policies.statements IS 'Commands it applies to, with commas between; all for every one.';
COMMENT ON COLUMN vpd.policies.checked IS 'Whether new rows of INSERT and UPDATE must satisfy it.';
COMMENT ON COLUMN vpd.policies.enabled IS 'A disabled policy restricts nothing.';
COMMENT ON COLUMN vpd.policies.policy_group IS 'Group of the policy; NULL for SYS_DEFAULT, which applies always.';
COMMENT ON COLUMN vpd.policies.predicate IS 'Predicate template, cut after 24 characters, or policy function.';

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
           p.policy_group,
           p.relevant_columns,
           p.is_masking,
           p.associations,
           p.version,
           p.created_by,
           p.created_at,
           p.altered_at
      FROM vpd_private.policy p;
COMMENT ON VIEW vpd.policy_definitions IS 'Policies with every property.';

CREATE VIEW vpd.policy_groups AS
    SELECT g.relation,
           g.policy_group,
           (SELECT count(*) FROM vpd_private.policy p WHERE p.relation = g.relation AND p.policy_group = g.policy_group) AS policies
      FROM (
          SELECT relation, policy_group FROM vpd_private.policy_group
          UNION ALL
          SELECT relation, 'SYS_DEFAULT' FROM vpd_private.protected_table
      ) g
     ORDER BY g.relation::text, g.policy_group;
COMMENT ON VIEW vpd.policy_groups IS 'Policy groups of every table and how many policies each has.';
COMMENT ON COLUMN vpd.policy_groups.relation IS 'Table the group belongs to.';
COMMENT ON COLUMN vpd.policy_groups.policy_group IS 'Name, in upper case; every table under policy has SYS_DEFAULT.';
COMMENT ON COLUMN vpd.policy_groups.policies IS 'How many policies it has.';

CREATE VIEW vpd.policy_contexts AS
    SELECT c.relation, c.namespace, c.attribute FROM vpd_private.driving_context c;
COMMENT ON VIEW vpd.policy_contexts IS 'Driving contexts: attributes of the session that choose policy groups.';

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
COMMENT ON COLUMN vpd.protected_tables.relation IS 'The table.';
COMMENT ON COLUMN vpd.protected_tables.policies IS 'How many policies it has.';
COMMENT ON COLUMN vpd.protected_tables.enabled_policies IS 'How many of them are enabled.';
COMMENT ON COLUMN vpd.protected_tables.is_row_security_enabled IS 'Whether row security is enabled, as it must be.';
COMMENT ON COLUMN vpd.protected_tables.is_forced IS 'Whether row security binds the owner too, as it must.';
COMMENT ON COLUMN vpd.protected_tables.has_guard IS 'Whether the policy vpd_guard is there; without it the table shows nothing.';
