-- Oracle's package DBMS_SESSION, as far as it concerns contexts; a package is a schema here.
-- What writes is a procedure, as in Oracle: a procedure can be called by CALL alone, so that no view, default, check, rule, policy or
-- other expression of somebody else can set a value while a trusted function happens to evaluate it.

CREATE SCHEMA dbms_session;
COMMENT ON SCHEMA dbms_session IS 'Oracle''s package DBMS_SESSION: values of application contexts.';
GRANT USAGE ON SCHEMA dbms_session TO PUBLIC;

CREATE PROCEDURE dbms_session.set_context(
    namespace text,
    attribute text,
    value text,
    username text DEFAULT NULL,
    client_id text DEFAULT NULL
)
    LANGUAGE c AS 'MODULE_PATHNAME', 'set_context_wrapper';
COMMENT ON PROCEDURE dbms_session.set_context IS
'Sets an attribute of an application context, until the transaction ends; NULL removes it. Works only directly inside the trusted function of the
context, with a session attached. Arguments: attribute, at most 128 bytes, any case; value, at most 4000 bytes; for a context accessed globally
username (the session''s user who sees the value; NULL for all) and client_id (the client identifier that sees it, at most 64 bytes; NULL for all).
Errors: 42501 context_denied (ORA-01031), 28000 session_invalid, 22023 argument_invalid.';

CREATE PROCEDURE dbms_session.clear_context(
    namespace text,
    client_id text DEFAULT NULL,
    attribute text DEFAULT NULL
)
    LANGUAGE c AS 'MODULE_PATHNAME', 'clear_context_wrapper';
COMMENT ON PROCEDURE dbms_session.clear_context IS
'Removes one attribute of an application context, or all when attribute is NULL. client_id: for a context accessed globally, the values of that client
identifier; NULL for the values that belong to no client identifier. Errors: as set_context.';

CREATE PROCEDURE dbms_session.clear_all_context(namespace text)
    LANGUAGE c AS 'MODULE_PATHNAME', 'clear_all_context_wrapper';
COMMENT ON PROCEDURE dbms_session.clear_all_context IS
'Removes every value of an application context; of one accessed globally, for all users and clients. Errors: as set_context.';

CREATE PROCEDURE dbms_session.set_identifier(client_id text)
    LANGUAGE c AS 'MODULE_PATHNAME', 'set_identifier_wrapper';
COMMENT ON PROCEDURE dbms_session.set_identifier IS
'Sets the client identifier of the transaction, at most 64 bytes; it decides which shared values are seen. Works only inside the trusted function of a
context and needs a privilege that no application has by itself: in Oracle anybody may claim any identifier. Errors: as set_context.';

CREATE PROCEDURE dbms_session.clear_identifier()
    LANGUAGE c AS 'MODULE_PATHNAME', 'clear_identifier_wrapper';
COMMENT ON PROCEDURE dbms_session.clear_identifier IS
'Makes the session''s user the client identifier again. Errors: as set_identifier.';

CREATE FUNCTION dbms_session.list_context() RETURNS TABLE (
    namespace text,
    attribute text,
    value text
)
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'list_context_wrapper';
COMMENT ON FUNCTION dbms_session.list_context IS
'The values set in the current transaction for contexts that are not accessed globally, in order; no row without a session.';
