-- Audit policies: which reading and writing of a table is recorded in the audit trail.

CREATE TABLE vpd_private.audit_policy (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    columns text[],
    needs_all_columns boolean NOT NULL,
    condition text,
    commands text[] NOT NULL,
    mode text NOT NULL CHECK (mode IN ('async', 'strict')),
    handler_schema text,
    handler_name text,
    handler_owner text,
    tells_statement boolean NOT NULL,
    is_enabled boolean NOT NULL DEFAULT true,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.audit_policy IS 'Which reading and writing of tables is recorded.';
COMMENT ON COLUMN vpd_private.audit_policy.relation IS 'The table; its partitions and children too.';
COMMENT ON COLUMN vpd_private.audit_policy.policy_name IS 'Name of the audit policy.';
COMMENT ON COLUMN vpd_private.audit_policy.columns IS 'Columns of which a statement must name one; NULL for all.';
COMMENT ON COLUMN vpd_private.audit_policy.needs_all_columns IS 'Whether it must name all of them.';
COMMENT ON COLUMN vpd_private.audit_policy.condition IS 'The rows that are asked for; NULL for any, and for none.';
COMMENT ON COLUMN vpd_private.audit_policy.commands IS 'Some of select, insert, update, delete.';
COMMENT ON COLUMN vpd_private.audit_policy.mode IS 'async, or strict: without a durable record the statement is refused.';
COMMENT ON COLUMN vpd_private.audit_policy.handler_schema IS 'Schema of the function that is called.';
COMMENT ON COLUMN vpd_private.audit_policy.handler_name IS 'Its name; NULL for none.';
COMMENT ON COLUMN vpd_private.audit_policy.handler_owner IS 'Role that it belonged to when it was named; it is called while that is so.';
COMMENT ON COLUMN vpd_private.audit_policy.tells_statement IS 'Whether the statement is recorded, with its constants left out.';
COMMENT ON COLUMN vpd_private.audit_policy.is_enabled IS 'Whether it counts.';
COMMENT ON COLUMN vpd_private.audit_policy.created_by IS 'Role that added it.';
COMMENT ON COLUMN vpd_private.audit_policy.created_at IS 'When it was added.';
SELECT pg_extension_config_dump('vpd_private.audit_policy', '');

CREATE FUNCTION vpd_private.audited_support(request internal) RETURNS internal
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'audited_support_wrapper';
COMMENT ON FUNCTION vpd_private.audited_support IS 'Tells the planner that conditions of audit policies keep every row.';

-- It costs more than what the server may ask before row security: the statement's own comparisons come first.
CREATE FUNCTION vpd_private.audited(relation regclass, audited_table regclass, policy_name text, VARIADIC row_values "any") RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED COST 11 SUPPORT vpd_private.audited_support
    AS 'MODULE_PATHNAME', 'audited_wrapper';
COMMENT ON FUNCTION vpd_private.audited IS
'True for every row. Stands in plans over tables that have an audit policy with a condition, and asks whether a row meets it. Arguments: relation (the table that is read or
written), audited_table and policy_name (the audit policy), row_values (those of the columns that the condition names, in the order of their numbers). Errors: 55000
audit_unavailable under a strict audit policy.';

CREATE FUNCTION vpd.add_audit_policy(
    relation regclass,
    policy_name text,
    columns text[] DEFAULT NULL,
    condition text DEFAULT NULL,
    commands text[] DEFAULT '{select}',
    mode text DEFAULT 'async',
    handler regproc DEFAULT NULL,
    statement_text boolean DEFAULT false,
    all_columns boolean DEFAULT false,
    enabled boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_audit_policy_wrapper';
COMMENT ON FUNCTION vpd.add_audit_policy IS
'Has every statement recorded that reads or writes a table, its partitions and children too, whoever runs it and however it gets there (Oracle: DBMS_FGA.ADD_POLICY). A
record says who, when, which predicates were applied, how many rows came out or were written, and how it ended.
Arguments: relation, policy_name (up to 128 characters), columns (a statement must name one of them, anywhere; NULL: any; deleting counts always), condition (one boolean
expression over the table''s columns, at most 64 KiB, without sub-selects: a statement counts from the first row on for which it is true or fails; what it calls is PostgreSQL''s
own and IMMUTABLE, or tells of the session, such as vpd.user_name()), commands (some of select, insert, update, delete), mode (async: the statement does not wait; strict: before the first row leaves a record that it is
about to is durable, and without it the statement is refused with 55000 audit_unavailable), handler (a function (object_schema text, object_name text, policy_name text)
that is called once for each such statement, as its owner; when it fails, the statement goes on and handler.failed is recorded), statement_text (whether the statement is
recorded, with its constants left out), all_columns (a statement must name all of the columns), enabled.
Errors: 22023 argument_invalid, predicate_invalid, 42501 privilege_missing, 42601 predicate_invalid, 42704 relation_not_found, column_not_found, 42710 audit_policy_exists.';

CREATE FUNCTION vpd.drop_audit_policy(relation regclass, policy_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_audit_policy_wrapper';
COMMENT ON FUNCTION vpd.drop_audit_policy IS
'Drops an audit policy; what was recorded stays. That it was dropped is recorded. Errors: 42704 audit_policy_not_found.';

CREATE FUNCTION vpd.enable_audit_policy(relation regclass, policy_name text, enabled boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'enable_audit_policy_wrapper';
COMMENT ON FUNCTION vpd.enable_audit_policy IS 'Switches an audit policy on or off. Errors: 42704 audit_policy_not_found.';

CREATE VIEW vpd.audit_policies AS
    SELECT relation,
           policy_name,
           columns,
           needs_all_columns,
           condition,
           commands,
           mode,
           CASE WHEN handler_name IS NOT NULL THEN format('%I.%I', handler_schema, handler_name) END AS handler,
           tells_statement,
           is_enabled,
           created_by,
           created_at
      FROM vpd_private.audit_policy;
COMMENT ON VIEW vpd.audit_policies IS 'Which reading and writing of tables is recorded in the audit trail.';

COMMENT ON COLUMN vpd.audit_policies.handler IS 'The function that is called; NULL for none.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'add_audit_policy'),
    ('security_admin', 'drop_audit_policy'),
    ('security_admin', 'enable_audit_policy'),
    ('security_admin', 'audit_policies'),
    ('auditor', 'audit_policies');
