-- Applications: the front ends and services that hold sessions. A pillar is a set of applications that share one session.

CREATE TABLE vpd_private.app (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    pillar text NOT NULL CHECK (pillar ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    origins text[] NOT NULL,
    idle_timeout interval NOT NULL CHECK (extract(epoch FROM idle_timeout) BETWEEN 1 AND 86400),
    absolute_timeout interval NOT NULL CHECK (extract(epoch FROM absolute_timeout) BETWEEN 1 AND 2592000),
    ticket_lifetime interval NOT NULL CHECK (extract(epoch FROM ticket_lifetime) BETWEEN 1 AND 120),
    max_sessions_per_user integer NOT NULL CHECK (max_sessions_per_user BETWEEN 1 AND 10000),
    required_acr text[] NOT NULL,
    max_auth_age interval CHECK (extract(epoch FROM max_auth_age) BETWEEN 1 AND 2592000),
    when_full text NOT NULL CHECK (when_full IN ('end_oldest', 'refuse')),
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.app IS 'Applications that may hold sessions.';
COMMENT ON COLUMN vpd_private.app.name IS 'Name of the application: lower case, at most 63 characters.';
COMMENT ON COLUMN vpd_private.app.pillar IS 'Applications of one pillar share a session; across pillars only the identity is handed over.';
COMMENT ON COLUMN vpd_private.app.origins IS 'Exact web origins (scheme://host[:port]) the front end is served from.';
COMMENT ON COLUMN vpd_private.app.idle_timeout IS 'Longest pause between two uses of a session, 1 second to 24 hours.';
COMMENT ON COLUMN vpd_private.app.absolute_timeout IS 'Longest life of a session, at least the idle time-out, at most 30 days.';
COMMENT ON COLUMN vpd_private.app.ticket_lifetime IS 'Life of a handoff ticket, 1 to 120 seconds.';
COMMENT ON COLUMN vpd_private.app.max_sessions_per_user IS 
'Concurrent live sessions one user may hold through this application: those he logged in to, those handed over to it, and those on behalf of others.';
COMMENT ON COLUMN vpd_private.app.required_acr IS 'How its users must have been authenticated: one of these authentication context classes; empty for any.';
COMMENT ON COLUMN vpd_private.app.max_auth_age IS 'How long ago at most; NULL for any time.';
COMMENT ON COLUMN vpd_private.app.when_full IS 'What a login does of somebody who holds as many sessions as he may: end_oldest or refuse.';
COMMENT ON COLUMN vpd_private.app.registered_at IS 'When the application was first registered.';
SELECT pg_extension_config_dump('vpd_private.app', '');

CREATE FUNCTION vpd.register_app(
    name text,
    pillar text DEFAULT 'default',
    origins text[] DEFAULT '{}',
    idle_timeout interval DEFAULT '35 minutes',
    absolute_timeout interval DEFAULT '12 hours',
    ticket_lifetime interval DEFAULT '120 seconds',
    max_sessions_per_user integer DEFAULT 20,
    required_acr text[] DEFAULT '{}',
    max_auth_age interval DEFAULT NULL,
    when_full text DEFAULT 'end_oldest'
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'register_app_wrapper';
COMMENT ON FUNCTION vpd.register_app IS
'Registers an application or changes its registration; calling it again with the same arguments changes nothing.
Arguments: name and pillar (lower-case names), origins (exact web origins), idle_timeout (1 second to 24 hours),
absolute_timeout (up to 30 days), ticket_lifetime (1 to 120 seconds), max_sessions_per_user (1 to 10000),
required_acr (authentication context classes, one of which a session must have been opened with; empty for any), max_auth_age (how long ago its user may have been authenticated, 1 second
to 30 days). Both are asked when a token for the application is given out: at a login, and when a session is handed over to it.
when_full: a login of somebody who holds as many sessions as he may ends the one that he used least recently (end_oldest; its reason is limit_sessions), or gets 53400 limit_sessions (refuse).
Another pillar makes it another application: its sessions, tokens and tickets end as with vpd.drop_app.
Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.drop_app(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_app_wrapper';
COMMENT ON FUNCTION vpd.drop_app IS
'Removes an application, revokes what it was exempt from, and ends every session that was opened through it, with all that came out of them. Its tokens and
tickets in sessions of others are dead as well, also when the name is registered again. Errors: 42704 app_not_found.';

CREATE VIEW vpd.apps AS
    SELECT name, pillar, origins, idle_timeout, absolute_timeout, ticket_lifetime, max_sessions_per_user, required_acr, max_auth_age, when_full
      FROM vpd_private.app;
COMMENT ON VIEW vpd.apps IS 'Registered applications.';
