-- The session context of this backend, as predicates and applications read it. It lives in backend memory: no SQL can write it.
-- These functions may be called by anyone: each tells a session about itself and nothing else.

CREATE FUNCTION vpd.user_name() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'user_name_wrapper';
COMMENT ON FUNCTION vpd.user_name IS 'Name of the attached session''s user; NULL without a session.';

CREATE FUNCTION vpd.session_id() RETURNS uuid
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'session_id_wrapper';
COMMENT ON FUNCTION vpd.session_id IS 'Public identifier of the attached session; NULL without one.';

CREATE FUNCTION vpd.app_name() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'app_name_wrapper';
COMMENT ON FUNCTION vpd.app_name IS 'Application whose token was attached; NULL without a session.';

CREATE FUNCTION vpd.pillar() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'pillar_wrapper';
COMMENT ON FUNCTION vpd.pillar IS 'Pillar of the attached session; NULL without one.';

CREATE FUNCTION vpd.audit_identity() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'audit_identity_wrapper';
COMMENT ON FUNCTION vpd.audit_identity IS 'Name to write to audit columns: the user unless overridden; NULL without a session.';

CREATE FUNCTION vpd.acting_for() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'acting_for_wrapper';
COMMENT ON FUNCTION vpd.acting_for IS 'User on whose behalf the subject acts; NULL when nobody.';

CREATE FUNCTION vpd.is_established() RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'is_established_wrapper';
COMMENT ON FUNCTION vpd.is_established IS 'True while a session, the anonymous one included, is attached. Without one no protected row is visible.';

CREATE FUNCTION vpd.is_authenticated() RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'is_authenticated_wrapper';
COMMENT ON FUNCTION vpd.is_authenticated IS 'True while the session of an authenticated user is attached.';

CREATE FUNCTION vpd.attribute(namespace text, name text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'attribute_wrapper';
COMMENT ON FUNCTION vpd.attribute IS
'Value of a session attribute as text; NULL when it is not set, is a list, or no session is attached.';

CREATE FUNCTION vpd.attribute_list(namespace text, name text) RETURNS text[]
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'attribute_list_wrapper';
COMMENT ON FUNCTION vpd.attribute_list IS
'Values of a session attribute as an array (a single value gives one element); NULL when it is not set or no session is attached.
In a predicate: region = ANY (vpd.attribute_list(''app'', ''regions'')).';

CREATE FUNCTION vpd.user_in_role(VARIADIC roles text[]) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'user_in_role_wrapper';
COMMENT ON FUNCTION vpd.user_in_role IS 'True when the session has at least one of the roles. Prefer has_privilege: decisions should rest on permissions.';

CREATE FUNCTION vpd.user_in_all_roles(VARIADIC roles text[]) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'user_in_all_roles_wrapper';
COMMENT ON FUNCTION vpd.user_in_all_roles IS 'True when the session has every one of the roles; false for an empty list.';

CREATE FUNCTION vpd.has_privilege(privilege text) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'has_privilege_wrapper';
COMMENT ON FUNCTION vpd.has_privilege IS 'True when the session has the privilege.';

CREATE FUNCTION vpd.has_resource(resource text, action text) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'has_resource_wrapper';
COMMENT ON FUNCTION vpd.has_resource IS 'True when the session has the privilege resource:action.';

CREATE FUNCTION vpd.sys_context(namespace text, attribute text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'sys_context_wrapper';
COMMENT ON FUNCTION vpd.sys_context(text, text) IS
'Oracle''s SYS_CONTEXT: an attribute of an application context, or of the session, by namespace; for the namespace USERENV what session and
connection tell (docs/reference/contexts.md has the list). NULL when it is not set. Errors: 22023 argument_invalid for another attribute of USERENV (ORA-02003).';

CREATE FUNCTION vpd.sys_context(namespace text, attribute text, length integer) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'sys_context_cut_wrapper';
COMMENT ON FUNCTION vpd.sys_context(text, text, integer) IS
'The same, cut to a number of bytes, 1 to 4000; a length out of that range means 256, as in Oracle.';

CREATE FUNCTION vpd.current_session() RETURNS TABLE (
    session_id uuid,
    user_name text,
    app text,
    pillar text,
    is_authenticated boolean,
    audit_identity text,
    acting_for text,
    roles text[],
    privileges text[],
    attributes jsonb,
    language text,
    territory text,
    date_format text,
    number_format text,
    created_at timestamptz,
    idle_expires_at timestamptz,
    expires_at timestamptz
)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME', 'current_session_wrapper';
COMMENT ON FUNCTION vpd.current_session IS
'The attached session as one row; no row without one. idle_expires_at is when the session dies unless it is used,
expires_at when it dies in any case.';

CREATE VIEW vpd.sessions AS
    SELECT s.id AS session_id,
           s.user_name,
           s.app,
           s.pillar,
           s.parent_id,
           s.created_at,
           c.last_access_at,
           c.idle_expires_at,
           c.expires_at,
           s.client_address,
           s.user_agent,
           coalesce(s.ended_at, r.ended_at) AS ended_at,
           coalesce(s.end_reason, r.end_reason) AS end_reason,
           c.is_open AND clock_timestamp() < c.idle_expires_at AS is_live
      FROM vpd_private.session s
      JOIN vpd_private.session r ON r.id = s.root_id
      JOIN vpd_private.session_clock c ON c.id = s.id;
COMMENT ON VIEW vpd.sessions IS 'Every session that was not purged yet, without its secrets; for administrators and auditors.';
COMMENT ON COLUMN vpd.sessions.session_id IS 'Public identifier; not a secret and of no use as a credential.';
COMMENT ON COLUMN vpd.sessions.last_access_at IS 'Last use that moved the idle clock of the login.';
COMMENT ON COLUMN vpd.sessions.idle_expires_at IS 'When the pause gets too long, if nobody uses it until then; never later than expires_at.';
COMMENT ON COLUMN vpd.sessions.expires_at IS 'Absolute limit of the login; nothing moves it.';
COMMENT ON COLUMN vpd.sessions.ended_at IS 'When it, or the login it came out of, was ended; NULL while nobody ended it.';
COMMENT ON COLUMN vpd.sessions.end_reason IS 'Why: logout, idle_timeout, absolute_timeout, ticket_replayed, message_refused, ….';
COMMENT ON COLUMN vpd.sessions.is_live IS 'Whether its token opens it now.';

CREATE VIEW vpd.my_sessions WITH (security_barrier) AS
    SELECT s.id AS session_id,
           s.app,
           s.pillar,
           s.created_at,
           c.last_access_at,
           c.idle_expires_at,
           c.expires_at,
           s.client_address,
           s.user_agent,
           s.id = (SELECT vpd.session_id()) AS is_current
      FROM vpd_private.session s
      JOIN vpd_private.session_clock c ON c.id = s.id
     WHERE c.is_open
       AND clock_timestamp() < c.idle_expires_at
       -- As the index on the users of sessions that nobody ended has it.
       AND s.ended_at IS NULL
       AND (SELECT vpd.is_authenticated())
       AND s.user_name = (SELECT vpd.user_name());
COMMENT ON VIEW vpd.my_sessions IS 'Live sessions of the user whose session is attached.';
COMMENT ON COLUMN vpd.my_sessions.session_id IS 'Public identifier; not a secret and of no use as a credential.';
COMMENT ON COLUMN vpd.my_sessions.is_current IS 'True for the session that is attached.';
