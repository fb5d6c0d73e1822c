-- Audit policies: which reading and writing of a table is recorded in the audit trail.

CREATE TABLE vpd_private.audit_policy (
    relation regclass NOT NULL,
    policy_name text NOT NULL,
    columns text[],
    commands text[] NOT NULL,
    mode text NOT NULL CHECK (mode IN ('async', 'strict')),
    is_enabled boolean NOT NULL DEFAULT true,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, policy_name)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.audit_policy IS 'Which reading and writing of tables is recorded.';
COMMENT ON COLUMN vpd_private.audit_policy.relation IS 'The table; its partitions and children too.';
COMMENT ON COLUMN vpd_private.audit_policy.policy_name IS 'Name of the audit policy.';
COMMENT ON COLUMN vpd_private.audit_policy.columns IS 'Columns of which a statement must name one; NULL for all.';
COMMENT ON COLUMN vpd_private.audit_policy.commands IS 'Some of select, insert, update, delete.';
COMMENT ON COLUMN vpd_private.audit_policy.mode IS 'async, or strict: without a durable record the statement is refused.';
COMMENT ON COLUMN vpd_private.audit_policy.is_enabled IS 'Whether it counts.';
COMMENT ON COLUMN vpd_private.audit_policy.created_by IS 'Role that added it.';
COMMENT ON COLUMN vpd_private.audit_policy.created_at IS 'When it was added.';
SELECT pg_extension_config_dump('vpd_private.audit_policy', '');

CREATE FUNCTION vpd.add_audit_policy(
    relation regclass,
    policy_name text,
    columns text[] DEFAULT NULL,
    commands text[] DEFAULT '{select}',
    mode text DEFAULT 'async',
    enabled boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_audit_policy_wrapper';
COMMENT ON FUNCTION vpd.add_audit_policy IS
'Has every statement recorded that reads or writes a table, its partitions and children too, whoever runs it and however it gets there (Oracle: DBMS_FGA.ADD_POLICY). A
record says who, when, which predicates were applied, how many rows came out or were written, and how it ended.
Arguments: relation, policy_name (up to 128 characters), columns (a statement must name one of them, anywhere; NULL: any; deleting counts always), commands (some of
select, insert, update, delete), mode (async: the statement does not wait; strict: before the first row leaves a record that it is about to is durable, and without it the
statement is refused with 55000 audit_unavailable), enabled.
Errors: 22023 argument_invalid, 42704 relation_not_found, column_not_found, 42710 audit_policy_exists.';

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
    SELECT relation, policy_name, columns, commands, mode, is_enabled, created_by, created_at
      FROM vpd_private.audit_policy;
COMMENT ON VIEW vpd.audit_policies IS 'Which reading and writing of tables is recorded in the audit trail.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'add_audit_policy'),
    ('security_admin', 'drop_audit_policy'),
    ('security_admin', 'enable_audit_policy'),
    ('security_admin', 'audit_policies'),
    ('auditor', 'audit_policies');
