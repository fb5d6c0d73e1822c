-- Oracle's package DBMS_RLS: the same policies as those of vpd.add_policy and its kin, under Oracle's names, parameters and defaults.
-- Names of objects are folded to lower case unless double-quoted; the current schema stands in for one that is not given.

CREATE SCHEMA dbms_rls;
COMMENT ON SCHEMA dbms_rls IS 'Oracle''s package DBMS_RLS over the policies of pg_vpd.';
GRANT USAGE ON SCHEMA dbms_rls TO PUBLIC;

CREATE FUNCTION dbms_rls.static() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION dbms_rls.static IS 'Constant for policy_type: the function runs once.';

CREATE FUNCTION dbms_rls.shared_static() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 2;
COMMENT ON FUNCTION dbms_rls.shared_static IS 'Constant for policy_type: the function runs once for all tables that share it.';

CREATE FUNCTION dbms_rls.context_sensitive() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 3;
COMMENT ON FUNCTION dbms_rls.context_sensitive IS 'Constant for policy_type: the function runs again when the context changed.';

CREATE FUNCTION dbms_rls.shared_context_sensitive() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 4;
COMMENT ON FUNCTION dbms_rls.shared_context_sensitive IS 'Constant for policy_type: as context_sensitive, once for all tables that share the function.';

CREATE FUNCTION dbms_rls.dynamic() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 5;
COMMENT ON FUNCTION dbms_rls.dynamic IS 'Constant for policy_type: the function runs for every statement.';

CREATE FUNCTION dbms_rls.all_rows() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION dbms_rls.all_rows IS 'Constant for sec_relevant_cols_opt: rows stay, the relevant columns show NULL.';

CREATE FUNCTION dbms_rls.add_attribute_association() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION dbms_rls.add_attribute_association IS 'Constant for alter_option: associates an attribute.';

CREATE FUNCTION dbms_rls.remove_attribute_association() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 2;
COMMENT ON FUNCTION dbms_rls.remove_attribute_association IS 'Constant for alter_option: takes an association back.';

CREATE FUNCTION dbms_rls.add_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_group text DEFAULT 'SYS_DEFAULT',
    policy_name text DEFAULT NULL,
    function_schema text DEFAULT NULL,
    policy_function text DEFAULT NULL,
    statement_types text DEFAULT NULL,
    update_check boolean DEFAULT false,
    enable boolean DEFAULT true,
    static_policy boolean DEFAULT false,
    policy_type integer DEFAULT NULL,
    long_predicate boolean DEFAULT false,
    sec_relevant_cols text DEFAULT NULL,
    sec_relevant_cols_opt integer DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_add_grouped_policy_wrapper';
COMMENT ON FUNCTION dbms_rls.add_grouped_policy IS
'Adds a policy to a group. policy_function is a function (object_schema text, object_name text) RETURNS text, or package.function with the package as
schema; statement_types a list out of SELECT, INSERT, UPDATE, DELETE (the default) and INDEX; update_check: new rows must satisfy it;
policy_type one of the constants, DYNAMIC by default; long_predicate changes nothing, 64 KiB are always allowed; sec_relevant_cols a list of
columns, sec_relevant_cols_opt dbms_rls.all_rows() to mask them; namespace and attribute: association of a context-sensitive policy.
Errors: 42710 policy_exists (ORA-28101), 42704 relation_not_found (ORA-00942) or policy_group_not_found (ORA-28119),
42883 policy_function_not_found (ORA-28110), 22023 argument_invalid (ORA-28104), 42809 relation_unsupported (ORA-28103, ORA-28134).';

CREATE FUNCTION dbms_rls.add_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    function_schema text DEFAULT NULL,
    policy_function text DEFAULT NULL,
    statement_types text DEFAULT NULL,
    update_check boolean DEFAULT false,
    enable boolean DEFAULT true,
    static_policy boolean DEFAULT false,
    policy_type integer DEFAULT NULL,
    long_predicate boolean DEFAULT false,
    sec_relevant_cols text DEFAULT NULL,
    sec_relevant_cols_opt integer DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.add_grouped_policy(object_schema, object_name, 'SYS_DEFAULT', policy_name, function_schema, policy_function, statement_types, update_check, enable, static_policy, policy_type, long_predicate, sec_relevant_cols, sec_relevant_cols_opt, namespace, attribute);
END;
COMMENT ON FUNCTION dbms_rls.add_policy IS
'Adds a policy to the group SYS_DEFAULT. policy_function is a function (object_schema text, object_name text) RETURNS text, or package.function with the package as
schema; statement_types a list out of SELECT, INSERT, UPDATE, DELETE (the default) and INDEX; update_check: new rows must satisfy it;
policy_type one of the constants, DYNAMIC by default; long_predicate changes nothing, 64 KiB are always allowed; sec_relevant_cols a list of
columns, sec_relevant_cols_opt dbms_rls.all_rows() to mask them; namespace and attribute: association of a context-sensitive policy.
Errors: 42710 policy_exists (ORA-28101), 42704 relation_not_found (ORA-00942) or policy_group_not_found (ORA-28119),
42883 policy_function_not_found (ORA-28110), 22023 argument_invalid (ORA-28104), 42809 relation_unsupported (ORA-28103, ORA-28134).';

CREATE FUNCTION dbms_rls.alter_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_group text DEFAULT 'SYS_DEFAULT',
    policy_name text DEFAULT NULL,
    alter_option integer DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_alter_grouped_policy_wrapper';
COMMENT ON FUNCTION dbms_rls.alter_grouped_policy IS
'Associates an attribute of the context with a policy of a group, or takes the association back; alter_option is one of the constants.
Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.alter_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    alter_option integer DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.alter_grouped_policy(object_schema, object_name, 'SYS_DEFAULT', policy_name, alter_option, namespace, attribute);
END;
COMMENT ON FUNCTION dbms_rls.alter_policy IS
'Associates an attribute of the context with a policy, or takes the association back; alter_option is one of the constants.
Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.drop_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_group text DEFAULT 'SYS_DEFAULT',
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_drop_grouped_policy_wrapper';
COMMENT ON FUNCTION dbms_rls.drop_grouped_policy IS
'Drops a policy of a group. Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.drop_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.drop_grouped_policy(object_schema, object_name, 'SYS_DEFAULT', policy_name);
END;
COMMENT ON FUNCTION dbms_rls.drop_policy IS
'Drops a policy of the group SYS_DEFAULT. Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.enable_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    group_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    enable boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_enable_grouped_policy_wrapper';
COMMENT ON FUNCTION dbms_rls.enable_grouped_policy IS
'Enables or disables a policy of a group. Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.disable_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    group_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.enable_grouped_policy(object_schema, object_name, group_name, policy_name, false);
END;
COMMENT ON FUNCTION dbms_rls.disable_grouped_policy IS
'Disables a policy of a group. Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.enable_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL,
    enable boolean DEFAULT true
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.enable_grouped_policy(object_schema, object_name, 'SYS_DEFAULT', policy_name, enable);
END;
COMMENT ON FUNCTION dbms_rls.enable_policy IS
'Enables or disables a policy of the group SYS_DEFAULT. Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.refresh_grouped_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    group_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_refresh_grouped_policy_wrapper';
COMMENT ON FUNCTION dbms_rls.refresh_grouped_policy IS
'Makes every backend forget the predicates of a table, or of every table when object_name is NULL, so that policy functions run again.
Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.refresh_policy(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_name text DEFAULT NULL
) RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT dbms_rls.refresh_grouped_policy(object_schema, object_name, 'SYS_DEFAULT', policy_name);
END;
COMMENT ON FUNCTION dbms_rls.refresh_policy IS
'Makes every backend forget the predicates of a table, or of every table when object_name is NULL, so that policy functions run again.
Errors: 42704 policy_not_found (ORA-28102) or relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.create_policy_group(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_group text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_create_policy_group_wrapper';
COMMENT ON FUNCTION dbms_rls.create_policy_group IS
'Creates a policy group. Errors: 42710 policy_group_exists (ORA-28118), 42704 relation_not_found (ORA-00942).';

CREATE FUNCTION dbms_rls.delete_policy_group(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    policy_group text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_delete_policy_group_wrapper';
COMMENT ON FUNCTION dbms_rls.delete_policy_group IS
'Drops an empty policy group. Errors: 42704 policy_group_not_found (ORA-28119), 2BP01 policy_group_used, 22023 for SYS_DEFAULT (ORA-28122).';

CREATE FUNCTION dbms_rls.add_policy_context(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_add_policy_context_wrapper';
COMMENT ON FUNCTION dbms_rls.add_policy_context IS
'Adds a driving context: the value of this attribute names the policy group that applies beside SYS_DEFAULT. Errors: 42710 driving_context_exists (ORA-28120).';

CREATE FUNCTION dbms_rls.drop_policy_context(
    object_schema text DEFAULT NULL,
    object_name text DEFAULT NULL,
    namespace text DEFAULT NULL,
    attribute text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dbms_rls_drop_policy_context_wrapper';
COMMENT ON FUNCTION dbms_rls.drop_policy_context IS
'Drops a driving context. Errors: 42704 driving_context_not_found (ORA-28121).';
