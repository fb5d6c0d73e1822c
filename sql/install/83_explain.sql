-- Why somebody sees a row, or does not.

CREATE FUNCTION vpd.explain_access(
    user_name text,
    relation regclass,
    key text,
    session_id uuid DEFAULT NULL,
    command text DEFAULT 'select'
) RETURNS SETOF text
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
    AS 'MODULE_PATHNAME', 'explain_access_wrapper';
COMMENT ON FUNCTION vpd.explain_access(text, regclass, text, uuid, text) IS
'Why a user may, or may not, reach a row, as lines to read: the session looked at (the newest live one of the user, or session_id), whether the
row exists, and for each policy whether it applies, its predicate and its truth for the row. key: the value of a primary key of one column, or a JSON object of
the columns of a primary or unique key, none of them masked. command: select, insert (the row as a new one), update or delete. The caller needs SELECT on the
table; the policies alone are looked past, and no value of the row is shown. The row is looked up as the owner of the table and with no session; predicates and policy functions run as
the caller, or as the owner of the table when he is a superuser, with the session looked at. The application contexts of the session are not known here and count as empty.
Errors: 22023 argument_invalid, 42804 column_type for a key of a type that is not PostgreSQL''s own, 42501 privilege_missing without SELECT on the table, 42704 session_not_found or relation_not_found, 42809 relation_unsupported.';

CREATE FUNCTION vpd.explain_access(
    user_name text,
    relation regclass,
    key jsonb,
    session_id uuid DEFAULT NULL,
    command text DEFAULT 'select'
) RETURNS SETOF text
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
    AS 'MODULE_PATHNAME', 'explain_access_by_columns_wrapper';
COMMENT ON FUNCTION vpd.explain_access(text, regclass, jsonb, uuid, text) IS 'As explain_access with a text as key.';

CREATE FUNCTION vpd.explain_access_json(
    user_name text,
    relation regclass,
    key text,
    session_id uuid DEFAULT NULL,
    command text DEFAULT 'select'
) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'explain_access_json_wrapper';
COMMENT ON FUNCTION vpd.explain_access_json(text, regclass, text, uuid, text) IS
'As explain_access, for programs: {user_name, command, relation, key, row_exists, session, is_protected, policies, masks, audits, roles_above_policies, is_allowed, why}.
session tells the issuer of the token that opened it; audits which audit policies ask for the command, and whether the row meets their condition.
is_allowed is null when it depends on the columns the statement uses; the truth of a policy is true, false, "null", or null when it was not evaluated.';

CREATE FUNCTION vpd.explain_access_json(
    user_name text,
    relation regclass,
    key jsonb,
    session_id uuid DEFAULT NULL,
    command text DEFAULT 'select'
) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'explain_access_json_by_columns_wrapper';
COMMENT ON FUNCTION vpd.explain_access_json(text, regclass, jsonb, uuid, text) IS 'As explain_access_json with a text as key.';

CREATE FUNCTION vpd.policy_predicates(session_id uuid DEFAULT NULL) RETURNS TABLE (
    user_name text,
    relation regclass,
    command text,
    policy_group text,
    policy_name text,
    predicate text,
    error text
)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'policy_predicates_wrapper';
COMMENT ON FUNCTION vpd.policy_predicates IS
'The predicates in force, as Oracle''s V$VPD_POLICY: for a live session, or for the attached one, per table, command and policy that applies.
Policies of PostgreSQL''s own stand in the groups native permissive and native restrictive, whatever role they are for.
Policy functions run for it, as the caller, or as the owner of the table when he is a superuser; error tells why a predicate cannot be made. Errors: 42704 session_not_found.';

CREATE VIEW vpd.v$vpd_policy AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           p.policy_group,
           p.policy_name AS policy,
           d.function_schema AS policy_function_owner,
           p.predicate,
           p.command
      FROM vpd.policy_predicates() p
      JOIN pg_catalog.pg_class c ON c.oid = p.relation
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN vpd_private.policy d ON d.relation = p.relation AND d.policy_name = p.policy_name;
COMMENT ON VIEW vpd.v$vpd_policy IS
'The predicates in force for the attached session, in the columns of Oracle''s V$VPD_POLICY; those that tell cursors apart do not exist here, command is ours.';
COMMENT ON COLUMN vpd.v$vpd_policy.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.v$vpd_policy.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.v$vpd_policy.policy_group IS 'Group of the policy.';
COMMENT ON COLUMN vpd.v$vpd_policy.policy IS 'Name of the policy.';
COMMENT ON COLUMN vpd.v$vpd_policy.policy_function_owner IS 'Schema of the policy function; NULL for a predicate template.';
COMMENT ON COLUMN vpd.v$vpd_policy.predicate IS 'The predicate in force.';
COMMENT ON COLUMN vpd.v$vpd_policy.command IS 'Command it is in force for.';
