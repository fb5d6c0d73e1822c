-- Application contexts, after Oracle's CREATE CONTEXT: namespaces whose values are set by one trusted function and nobody else.
-- The values of a session live in backend memory; only what is shared between sessions is kept in a table.

CREATE TABLE vpd_private.application_context (
    namespace text PRIMARY KEY CHECK (namespace ~ '^[A-Z][A-Z0-9_$#]{0,127}$' AND namespace <> 'USERENV'),
    function_schema text NOT NULL,
    function_name text NOT NULL,
    function_arguments text NOT NULL,
    function_owner text NOT NULL,
    is_global boolean NOT NULL,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.application_context IS 'Application contexts and the function each trusts.';
COMMENT ON COLUMN vpd_private.application_context.namespace IS 'Namespace, in upper case: names are compared without regard to case.';
COMMENT ON COLUMN vpd_private.application_context.function_schema IS 'Schema of the trusted function.';
COMMENT ON COLUMN vpd_private.application_context.function_name IS 'Name of the trusted function or procedure.';
COMMENT ON COLUMN vpd_private.application_context.function_arguments IS 'Types of its input arguments, qualified, with commas between.';
COMMENT ON COLUMN vpd_private.application_context.function_owner IS
'Who owned it when it was declared. A function of the same name that belongs to somebody else is not trusted.';
COMMENT ON COLUMN vpd_private.application_context.is_global IS 'Whether its values are shared between sessions (ACCESSED GLOBALLY).';
COMMENT ON COLUMN vpd_private.application_context.created_by IS 'Database user who declared it.';
COMMENT ON COLUMN vpd_private.application_context.created_at IS 'When it was declared.';
SELECT pg_extension_config_dump('vpd_private.application_context', '');

CREATE TABLE vpd_private.global_context (
    namespace text NOT NULL,
    username text NOT NULL,
    client_id text NOT NULL,
    attribute text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (namespace, username, client_id, attribute)
);
-- A column that begins an index and finds many rows: sys/hooks/own_plan.rs reads it.
ALTER TABLE vpd_private.global_context ALTER COLUMN namespace SET (n_distinct = 10);
COMMENT ON TABLE vpd_private.global_context IS 'Values of contexts accessed globally. They are not dumped: they belong to the sessions of one server.';
COMMENT ON COLUMN vpd_private.global_context.namespace IS 'Namespace, in upper case.';
COMMENT ON COLUMN vpd_private.global_context.username IS 'Session user who sees the value; empty for every user.';
COMMENT ON COLUMN vpd_private.global_context.client_id IS 'Client identifier that sees the value; empty for every client.';
COMMENT ON COLUMN vpd_private.global_context.attribute IS 'Attribute, in upper case.';
COMMENT ON COLUMN vpd_private.global_context.value IS 'Value, at most 4000 bytes.';

CREATE FUNCTION vpd_private.contexts_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'contexts_changed_wrapper';
COMMENT ON FUNCTION vpd_private.contexts_changed IS
'Makes every backend forget the declared contexts when the transaction commits, even when rows were changed by hand.';

CREATE FUNCTION vpd_private.globals_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'globals_changed_wrapper';
COMMENT ON FUNCTION vpd_private.globals_changed IS
'Makes every backend read the shared values again when the transaction commits, even when rows were changed by hand.';

CREATE TRIGGER vpd_contexts_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vpd_private.application_context
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.contexts_changed();
COMMENT ON TRIGGER vpd_contexts_changed ON vpd_private.application_context IS 'Announces declared and dropped contexts to every backend.';
CREATE TRIGGER vpd_globals_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vpd_private.global_context
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.globals_changed();
COMMENT ON TRIGGER vpd_globals_changed ON vpd_private.global_context IS 'Announces changed values to every backend.';

CREATE FUNCTION vpd.create_context(
    namespace text,
    trusted_function regproc,
    accessed_globally boolean DEFAULT false
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'create_context_wrapper';
COMMENT ON FUNCTION vpd.create_context IS
'Declares an application context (Oracle: CREATE CONTEXT namespace USING function [ACCESSED GLOBALLY]). Its values can be set only while
the trusted function, a PL/pgSQL or SQL function or procedure, is the innermost one that runs; from then on attributes of the session under that namespace are no
longer read. Arguments: namespace (a letter, then letters, digits, _, $, #; at most 128; any case; not USERENV); trusted_function
(cast a regprocedure when the name is overloaded); accessed_globally: values are shared between sessions.
The function is remembered by schema, name, arguments and owner: whoever owns it decides what is set.
Errors: 22023 argument_invalid, 42710 context_exists, 42704 function_not_found.';

CREATE FUNCTION vpd.drop_context(namespace text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_context_wrapper';
COMMENT ON FUNCTION vpd.drop_context IS
'Drops an application context with its shared values. Sessions no longer read what they had set. Errors: 42704 context_not_found.';

CREATE VIEW vpd.contexts AS
    SELECT c.namespace,
           c.function_schema,
           c.function_name,
           c.function_arguments,
           c.function_owner,
           c.is_global,
           c.created_by,
           c.created_at
      FROM vpd_private.application_context c;
COMMENT ON VIEW vpd.contexts IS 'Declared application contexts (Oracle: DBA_CONTEXT).';
