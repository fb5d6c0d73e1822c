-- Oracle's package DBMS_FGA: the same audit policies as those of vpd.add_audit_policy and its kin, under Oracle's names, parameters and defaults.
-- Names of objects are folded to lower case unless double-quoted; the current schema stands in for one that is not given.

CREATE SCHEMA dbms_fga;
COMMENT ON SCHEMA dbms_fga IS 'Oracle''s package DBMS_FGA over the audit policies of pg_vpd.';
GRANT USAGE ON SCHEMA dbms_fga TO PUBLIC;

CREATE FUNCTION dbms_fga.extended() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION dbms_fga.extended IS 'Constant for audit_trail, added to db() or xml(): the statement is recorded, with its constants left out.';

CREATE FUNCTION dbms_fga.db() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 2;
COMMENT ON FUNCTION dbms_fga.db IS 'Constant for audit_trail: records go into the audit trail of the database.';

CREATE FUNCTION dbms_fga.db_extended() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 3;
COMMENT ON FUNCTION dbms_fga.db_extended IS 'Constant for audit_trail: db() + extended(), the default.';

CREATE FUNCTION dbms_fga.xml() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 4;
COMMENT ON FUNCTION dbms_fga.xml IS 'Constant for audit_trail: the same as db(); session-bridge audit export writes files.';

CREATE FUNCTION dbms_fga.any_columns() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 0;
COMMENT ON FUNCTION dbms_fga.any_columns IS 'Constant for audit_column_opts: a statement counts that names one of the columns.';

CREATE FUNCTION dbms_fga.all_columns() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION dbms_fga.all_columns IS 'Constant for audit_column_opts: a statement counts that names all of the columns.';

CREATE FUNCTION dbms_fga.add_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    audit_condition text DEFAULT NULL,
    audit_column text DEFAULT NULL,
    handler_schema text DEFAULT NULL,
    handler_module text DEFAULT NULL,
    enable boolean DEFAULT true,
    statement_types text DEFAULT 'SELECT',
    audit_trail integer DEFAULT NULL,
    audit_column_opts integer DEFAULT 0,
    policy_owner text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_fga_add_policy_wrapper';
COMMENT ON FUNCTION dbms_fga.add_policy IS
'Adds an audit policy to a table. audit_condition: a condition on rows, see vpd.add_audit_policy; audit_column a list of columns; handler_module a function (object_schema
text, object_name text, policy_name text) RETURNS void, or package.function with the package as schema; statement_types a list out of SELECT, INSERT, UPDATE, DELETE;
audit_trail and audit_column_opts one of the constants; policy_owner changes nothing. The mode is async: the statement does not wait.
Errors: 42710 audit_policy_exists (ORA-28101), 42704 relation_not_found (ORA-00942), column_not_found, function_not_found, 42501 privilege_missing, 22023 argument_invalid
(ORA-28104), 22023 or 42601 predicate_invalid (ORA-28138).';

CREATE FUNCTION dbms_fga.drop_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_fga_drop_policy_wrapper';
COMMENT ON FUNCTION dbms_fga.drop_policy IS
'Drops an audit policy; what was recorded stays. Errors: 42704 audit_policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_fga.enable_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    enable boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_fga_enable_policy_wrapper';
COMMENT ON FUNCTION dbms_fga.enable_policy IS
'Enables or disables an audit policy. Errors: 42704 audit_policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_fga.disable_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_fga.enable_policy(object_schema, object_name, policy_name, false);
END;
COMMENT ON FUNCTION dbms_fga.disable_policy IS
'Disables an audit policy. Errors: 42704 audit_policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';
