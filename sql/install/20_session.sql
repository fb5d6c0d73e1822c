-- Sessions: who is using which application, until when. Tokens are kept as SHA-256 hashes only.

CREATE TABLE vpd_private.session (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    root_id uuid NOT NULL,
    parent_id uuid,
    pillar text NOT NULL,
    app text NOT NULL,
    user_name text NOT NULL,
    is_authenticated boolean NOT NULL,
    audit_identity text NOT NULL,
    acting_for text,
    actors text[] NOT NULL DEFAULT '{}',
    actor_session_id uuid,
    acts_fully boolean NOT NULL DEFAULT false,
    assumed_role text,
    issuer text,
    acr text,
    made_in bigint NOT NULL,
    roles text[] NOT NULL,
    privileges text[] NOT NULL,
    claimed_groups text[] NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL,
    language text,
    territory text,
    date_format text,
    number_format text,
    client_address inet,
    user_agent text,
    auth_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    last_access_at timestamptz NOT NULL,
    idle_timeout interval NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    provider_subject text,
    provider_session text,
    logout_hint text
);
CREATE INDEX session_root_idx ON vpd_private.session (root_id);
CREATE INDEX session_parent_idx ON vpd_private.session (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX session_user_idx ON vpd_private.session (user_name) WHERE ended_at IS NULL;
CREATE INDEX session_provider_subject_idx ON vpd_private.session (issuer, provider_subject) WHERE ended_at IS NULL AND provider_subject IS NOT NULL;
CREATE INDEX session_provider_session_idx ON vpd_private.session (issuer, provider_session) WHERE ended_at IS NULL AND provider_session IS NOT NULL;
-- For the purge, in the order in which it goes: logins by when they time out unless they were used since, and ended sessions by their end.
CREATE INDEX session_due_idx
    ON vpd_private.session (least((last_access_at AT TIME ZONE interval '0' + idle_timeout) AT TIME ZONE interval '0', expires_at))
    WHERE ended_at IS NULL AND parent_id IS NULL;
CREATE INDEX session_ended_idx ON vpd_private.session (ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON TABLE vpd_private.session IS 'Application sessions. Expired means dead at once, whether or not the row was purged.';
COMMENT ON COLUMN vpd_private.session.id IS 'Public identifier; not a secret and of no use as a credential.';
COMMENT ON COLUMN vpd_private.session.root_id IS 'The session whose clocks decide: the login, which may be itself.';
COMMENT ON COLUMN vpd_private.session.parent_id IS
'The session it came out of: handed over from another pillar, or opened on behalf of somebody. It is live as long as every session above it is.';
COMMENT ON COLUMN vpd_private.session.pillar IS 'Pillar the session belongs to.';
COMMENT ON COLUMN vpd_private.session.app IS 'Application that created the session.';
COMMENT ON COLUMN vpd_private.session.user_name IS 'Name of the subject.';
COMMENT ON COLUMN vpd_private.session.is_authenticated IS 'False for an anonymous subject.';
COMMENT ON COLUMN vpd_private.session.audit_identity IS 'Name written to audit columns; the user unless overridden.';
COMMENT ON COLUMN vpd_private.session.acting_for IS 'User on whose behalf the subject acts.';
COMMENT ON COLUMN vpd_private.session.actors IS 'Who acts for the user, the nearest first; empty when the user acts himself.';
COMMENT ON COLUMN vpd_private.session.actor_session_id IS 'The session of whoever acts for the user.';
COMMENT ON COLUMN vpd_private.session.acts_fully IS 'False: the session has what both the user and whoever acts for him have. True: all that the user has.';
COMMENT ON COLUMN vpd_private.session.assumed_role IS 'The one role the session runs with; NULL for all of them.';
COMMENT ON COLUMN vpd_private.session.issuer IS 'The identity provider whose token opened it; NULL for one that came otherwise.';
COMMENT ON COLUMN vpd_private.session.acr IS 'How the user was authenticated: the authentication context class that the identity provider or login service named.';
COMMENT ON COLUMN vpd_private.session.made_in IS
'The sum of the generations in session_era of everybody, of its user, of its application and of its issuer when it was made. Another sum: it was ended, committed or not.';
COMMENT ON COLUMN vpd_private.session.roles IS 'Roles the login brought, as the identity provider names them; see session_authority for what they come to.';
COMMENT ON COLUMN vpd_private.session.privileges IS 'Privileges the login brought, as action or resource:action.';
COMMENT ON COLUMN vpd_private.session.claimed_groups IS 'Groups that the token which opened it names.';
COMMENT ON COLUMN vpd_private.session.attributes IS 'Attributes by namespace: {"namespace": {"name": "value" or ["value", …]}}.';
COMMENT ON COLUMN vpd_private.session.language IS 'Language of the user (BCP 47).';
COMMENT ON COLUMN vpd_private.session.territory IS 'Territory of the user (ISO 3166-1).';
COMMENT ON COLUMN vpd_private.session.date_format IS 'Date format the user prefers.';
COMMENT ON COLUMN vpd_private.session.number_format IS 'Number format the user prefers.';
COMMENT ON COLUMN vpd_private.session.client_address IS 'Address of the client at login.';
COMMENT ON COLUMN vpd_private.session.user_agent IS 'User agent of the client at login.';
COMMENT ON COLUMN vpd_private.session.auth_time IS 'When the identity provider authenticated the subject.';
COMMENT ON COLUMN vpd_private.session.created_at IS 'Start of the session (wall clock).';
COMMENT ON COLUMN vpd_private.session.last_access_at IS 'Last use that the purge has folded in; see session_use for later ones.';
COMMENT ON COLUMN vpd_private.session.idle_timeout IS 'Idle time-out of the application when the session began.';
COMMENT ON COLUMN vpd_private.session.expires_at IS 'Absolute limit; nothing moves it.';
COMMENT ON COLUMN vpd_private.session.ended_at IS 'When the session was ended.';
COMMENT ON COLUMN vpd_private.session.end_reason IS 'Why it was ended: logout, idle_timeout, absolute_timeout, ticket_replayed, message_refused, ….';
COMMENT ON COLUMN vpd_private.session.provider_subject IS 'The user as the identity provider names him (sub).';
COMMENT ON COLUMN vpd_private.session.provider_session IS 'The session at the identity provider (sid), if it names one: sessions of all applications belong to it.';
COMMENT ON COLUMN vpd_private.session.logout_hint IS 'The identity token that opened it, which opens nothing any more: the provider wants it back when the user logs out there.';

CREATE TABLE vpd_private.session_use (
    root_id uuid NOT NULL,
    used_at timestamptz NOT NULL
);
-- It has no key: without this, a publication of all tables would stop the purge.
ALTER TABLE vpd_private.session_use REPLICA IDENTITY FULL;
CREATE INDEX session_use_root_idx ON vpd_private.session_use (root_id, used_at);
COMMENT ON TABLE vpd_private.session_use IS
'Uses that move the idle clock. Rows are only ever added, so that a transaction which keeps a session in use locks nothing that ending it needs.';
COMMENT ON COLUMN vpd_private.session_use.root_id IS 'Session whose clock moves.';
COMMENT ON COLUMN vpd_private.session_use.used_at IS 'When it was used.';

CREATE TABLE vpd_private.session_era (
    subject bytea PRIMARY KEY,
    generation bigint NOT NULL
);
COMMENT ON TABLE vpd_private.session_era IS
'How often the sessions of everybody, of a user, of an application or of an issuer were ended together. Who ends them cannot see a session that is being made and is
not committed yet; that one carries an earlier sum. Rows are never removed, so that a name which is given again is not the same.';
COMMENT ON COLUMN vpd_private.session_era.subject IS 'SHA-256 of all, user:name, app:name or issuer:name, so that no name outlives its user here.';
COMMENT ON COLUMN vpd_private.session_era.generation IS 'How often.';

CREATE VIEW vpd_private.session_state AS
    SELECT s.id,
           s.root_id,
           s.parent_id,
           s.ended_at IS NULL AND s.made_in = (
               SELECT coalesce(sum(e.generation), 0)
                 FROM vpd_private.session_era e
                WHERE e.subject IN (
                          sha256('all'),
                          sha256(convert_to('user:' || s.user_name, 'UTF8')),
                          sha256(convert_to('app:' || s.app, 'UTF8')),
                          sha256(convert_to('issuer:' || s.issuer, 'UTF8'))
                      )
           ) AS is_open
      FROM vpd_private.session s;
COMMENT ON VIEW vpd_private.session_state IS
'Whether each session, taken by itself, was not ended: neither alone nor with all of everybody, of its user, of its application, or of its issuer.';
COMMENT ON COLUMN vpd_private.session_state.is_open IS 'True while it was not ended.';

CREATE VIEW vpd_private.session_clock AS
    SELECT s.id,
           s.root_id,
           CASE
               WHEN s.parent_id IS NULL THEN s.is_open
               ELSE (
                   WITH RECURSIVE line AS (
                       SELECT s.id, s.parent_id, s.is_open
                       UNION
                       SELECT above.id, above.parent_id, above.is_open
                         FROM line
                         JOIN vpd_private.session_state above ON above.id = line.parent_id
                   )
                   -- Nothing hangs in the air: the line goes up to the login.
                   SELECT bool_and(line.is_open) AND bool_or(line.id = s.root_id AND line.parent_id IS NULL) FROM line
               )
           END AS is_open,
           clock.last_access_at,
           least(clock.last_access_at + r.idle_timeout, r.expires_at) AS idle_expires_at,
           r.expires_at
      FROM vpd_private.session_state s
      JOIN vpd_private.session r ON r.id = s.root_id
     CROSS JOIN LATERAL (
           SELECT greatest(
                      r.last_access_at,
                      (SELECT max(u.used_at) FROM vpd_private.session_use u WHERE u.root_id = r.id)
                  ) AS last_access_at
       ) clock;
COMMENT ON VIEW vpd_private.session_clock IS
'When each session dies. It is open while no session from itself up to the login was ended, and live while the wall clock has not reached idle_expires_at
either, which is never later than expires_at.';
COMMENT ON COLUMN vpd_private.session_clock.root_id IS 'The login whose clocks decide.';
COMMENT ON COLUMN vpd_private.session_clock.is_open IS 'True while neither it nor any session above it was ended.';
COMMENT ON COLUMN vpd_private.session_clock.last_access_at IS 'Last use of the login.';
COMMENT ON COLUMN vpd_private.session_clock.idle_expires_at IS 'When the pause gets too long; never later than expires_at.';

CREATE VIEW vpd_private.held_session AS
    SELECT s.id,
           s.app,
           r.user_name AS holder
      FROM vpd_private.session r
      JOIN vpd_private.session s ON s.root_id = r.id
      JOIN vpd_private.session_clock c ON c.id = s.id
     WHERE r.ended_at IS NULL
       AND s.ended_at IS NULL
       AND c.is_open
       AND clock_timestamp() < c.idle_expires_at;
COMMENT ON VIEW vpd_private.held_session IS
'Live sessions with whoever is logged in: his own, those handed over to other pillars, and those he opened on behalf of others.';
COMMENT ON COLUMN vpd_private.held_session.holder IS 'Who is logged in.';

CREATE TABLE vpd_private.session_token (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL,
    app text NOT NULL,
    is_primary boolean NOT NULL,
    ticket_hash bytea,
    issued_at timestamptz NOT NULL,
    made_in bigint NOT NULL
);
CREATE UNIQUE INDEX session_token_ticket_idx ON vpd_private.session_token (ticket_hash) WHERE ticket_hash IS NOT NULL;
CREATE INDEX session_token_session_idx ON vpd_private.session_token (session_id);
COMMENT ON TABLE vpd_private.session_token IS 'Tokens that open a session: one of the application that created it, one for each handoff.';
COMMENT ON COLUMN vpd_private.session_token.token_hash IS 'SHA-256 of the token.';
COMMENT ON COLUMN vpd_private.session_token.session_id IS 'Session the token opens.';
COMMENT ON COLUMN vpd_private.session_token.app IS 'Application the token was given to.';
COMMENT ON COLUMN vpd_private.session_token.is_primary IS 'True when use through this token moves the idle clock; a token got by handoff never moves it.';
COMMENT ON COLUMN vpd_private.session_token.ticket_hash IS
'SHA-256 of the ticket it was given for; what is left of a redeemed ticket, so that presenting it again ends the session. NULL for a first token.';
COMMENT ON COLUMN vpd_private.session_token.issued_at IS 'When the token was given out.';
COMMENT ON COLUMN vpd_private.session_token.made_in IS
'Generation of its application in session_era when it was given out. Another generation: the application was dropped or moved, and its tokens died with it.';

CREATE VIEW vpd_private.live_token AS
    SELECT t.token_hash,
           t.session_id,
           c.root_id,
           t.app,
           t.is_primary
      FROM vpd_private.session_token t
      JOIN vpd_private.session_clock c ON c.id = t.session_id
     WHERE c.is_open
       AND clock_timestamp() < c.idle_expires_at
       AND t.made_in = (
               SELECT coalesce(sum(e.generation), 0)
                 FROM vpd_private.session_era e
                WHERE e.subject = sha256(convert_to('app:' || t.app, 'UTF8'))
           );
COMMENT ON VIEW vpd_private.live_token IS 'Tokens that open a live session.';
COMMENT ON COLUMN vpd_private.live_token.root_id IS 'The login whose clocks decide.';

CREATE FUNCTION vpd.create_session(
    user_name text,
    app text,
    attributes jsonb DEFAULT '{}',
    roles text[] DEFAULT '{}',
    privileges text[] DEFAULT '{}',
    audit_identity text DEFAULT NULL,
    acting_for text DEFAULT NULL,
    language text DEFAULT NULL,
    territory text DEFAULT NULL,
    date_format text DEFAULT NULL,
    number_format text DEFAULT NULL,
    client_address inet DEFAULT NULL,
    user_agent text DEFAULT NULL,
    auth_time timestamptz DEFAULT NULL,
    assumed_role text DEFAULT NULL,
    acr text DEFAULT NULL
) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'create_session_wrapper';
COMMENT ON FUNCTION vpd.create_session IS
'Creates a session for a subject the caller has authenticated and returns its token (vs_…), shown this once only.
Arguments: attributes {"namespace": {"name": "value" or ["value", …]}} up to 64 KiB; roles and privileges as the identity provider names them,
up to 10000 each: an enterprise role brings what is granted to it, a name that is defined here otherwise brings nothing, any other name stands for itself;
assumed_role: run with this one of the user''s roles and with nothing else but what anonymous has.
What the user is granted here is added, once, flattened. acr: how he was authenticated, for applications that demand something of it.
Whoever may call this creates sessions for any user: it is in the profile session_creator, for login services that are trusted by decision; vpd.create_session_from_token takes
nobody''s word but that of the identity provider.
Errors: 22023 argument_invalid, 28000 user_disabled, assurance_insufficient, 42501 role_not_held, 42704 app_not_found, 53400 limit_sessions, 55000 not_ready.
Follows OWASP ASVS 5.0 7.2.3 (256 random bits), 11.2.4, 7.3.1, 7.3.2.';

CREATE FUNCTION vpd.attach_session(token text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'attach_session_wrapper';
COMMENT ON FUNCTION vpd.attach_session IS
'Attaches the session of this token to the current transaction; it ends with the transaction.
Every open cursor of the connection is closed, so that no row fetched for one user is read by the next; temporary objects left on it are refused, and
a changed search_path is treated as vpd.attach_search_path says. Tells when no transaction block is open, and when policies do not apply to the role.
Errors: 28000 session_invalid, alike for an unknown, expired or ended session and for NULL; 0A000 outlives_session; 55000 not_ready.';

CREATE FUNCTION vpd.attach_anonymous() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'attach_anonymous_wrapper';
COMMENT ON FUNCTION vpd.attach_anonymous IS
'Attaches the anonymous subject (user and role "anonymous", no privilege, not authenticated) to the current transaction.
Needs no token because it gives nothing but what the public may see.';

CREATE FUNCTION vpd.detach_session() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'detach_session_wrapper';
COMMENT ON FUNCTION vpd.detach_session IS
'Detaches the session before the transaction ends. No session attached is no error.';

CREATE FUNCTION vpd.end_session(token text, reason text DEFAULT 'logout') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'end_session_wrapper';
COMMENT ON FUNCTION vpd.end_session IS
'Ends the session of this token and everything that came out of it, handed over or on behalf of somebody, at any depth, and queues a close message for the
other applications.
An unknown token gives the same answer (RFC 7009, 2.2). Bites on the next statement of every transaction that has the session attached.';

CREATE FUNCTION vpd.log_out(token text) RETURNS TABLE (issuer text, id_token_hint text)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'log_out_wrapper';
COMMENT ON FUNCTION vpd.log_out IS
'Ends the session of this token as vpd.end_session does, and with it the sessions of all applications that were opened by the same login at the identity provider (its claim sid).
Returns where the user is logged in yet, and the identity token that the provider is to be shown there (id_token_hint, OpenID Connect RP-Initiated Logout 1.0); no row for a session that no identity
provider opened, and for an unknown token.';

CREATE FUNCTION vpd.end_own_session(session_id uuid) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'end_own_session_wrapper';
COMMENT ON FUNCTION vpd.end_own_session IS
'Ends one session of the user whose session is attached, when the transaction commits. Returns false when the user has no such live session.
Errors: 28000 session_invalid when no authenticated session is attached. Follows OWASP ASVS 5.0 7.5.2.';

CREATE FUNCTION vpd.end_session_by_id(session_id uuid, reason text DEFAULT 'administrator') RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'end_session_by_id_wrapper';
COMMENT ON FUNCTION vpd.end_session_by_id IS
'Ends one session with all that came out of it, for an administrator. Returns false when there is no such live session. Follows OWASP ASVS 5.0 7.4.5.';

CREATE FUNCTION vpd.end_user_sessions(user_name text, reason text DEFAULT 'administrator') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'end_user_sessions_wrapper';
COMMENT ON FUNCTION vpd.end_user_sessions IS
'Ends every live session of a user, with all that came out of them; returns how many. One that is being made and not committed yet is dead when it is.
Follows OWASP ASVS 5.0 7.4.2.';

CREATE FUNCTION vpd.end_all_sessions(reason text DEFAULT 'administrator') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'end_all_sessions_wrapper';
COMMENT ON FUNCTION vpd.end_all_sessions IS
'Ends every live session; returns how many. One that is being made and not committed yet is dead when it is. Follows OWASP ASVS 5.0 7.4.5.';

CREATE FUNCTION vpd_private.sessions_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'sessions_changed_wrapper';
COMMENT ON FUNCTION vpd_private.sessions_changed IS
'Makes every backend look at its session again when the transaction commits, even when rows were changed by hand.';

CREATE TRIGGER vpd_session_changed
    AFTER UPDATE ON vpd_private.session
    FOR EACH ROW EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_session_changed ON vpd_private.session IS 'Announces an ended or changed session to every backend.';
-- Once for each statement: the purge removes sessions by the thousand.
CREATE TRIGGER vpd_session_removed
    AFTER DELETE ON vpd_private.session
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_session_removed ON vpd_private.session IS 'Announces removed sessions to every backend.';
CREATE TRIGGER vpd_sessions_truncated
    AFTER TRUNCATE ON vpd_private.session
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_sessions_truncated ON vpd_private.session IS 'Announces removed sessions to every backend.';
CREATE TRIGGER vpd_era_ended
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vpd_private.session_era
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_era_ended ON vpd_private.session_era IS 'Announces sessions that were ended together to every backend.';
CREATE TRIGGER vpd_token_changed
    AFTER UPDATE ON vpd_private.session_token
    FOR EACH ROW EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_token_changed ON vpd_private.session_token IS 'Announces a changed token to every backend.';
CREATE TRIGGER vpd_tokens_removed
    AFTER DELETE ON vpd_private.session_token
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_tokens_removed ON vpd_private.session_token IS 'Announces withdrawn tokens to every backend.';
CREATE TRIGGER vpd_tokens_truncated
    AFTER TRUNCATE ON vpd_private.session_token
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_tokens_truncated ON vpd_private.session_token IS 'Announces withdrawn tokens to every backend.';
CREATE TRIGGER vpd_uses_removed
    AFTER UPDATE OR DELETE OR TRUNCATE ON vpd_private.session_use
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.sessions_changed();
COMMENT ON TRIGGER vpd_uses_removed ON vpd_private.session_use IS 'Announces a clock that was put back to every backend.';
