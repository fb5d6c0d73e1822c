//! Every statement the bridge sends. Each calls functions or reads views of the extension; none names one of its tables.

/// True when policies are supplied and the version is the expected one.
pub const PING: &str = "
    SELECT vpd.guard() AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_vpd' AND e.extversion = $1)";

/// Registered applications and their origins.
pub const APPS: &str = "
    SELECT coalesce(jsonb_object_agg(a.name, to_jsonb(a.origins)), '{}') FROM vpd.apps a";

/// Registers an application ($1) with a pillar ($2) and an origin ($3), and says what that changed. What is registered keeps its times, its other origins and its pillar.
pub const REGISTER_APP: &str = "
    SELECT CASE
               WHEN a.name IS NULL THEN 'registered' || vpd.register_app($1, $2, ARRAY[$3])::text
               WHEN a.pillar <> $2 THEN 'is in pillar ' || a.pillar || ', and stays there: vpd.register_app moves it, and ends its sessions'
               WHEN $3 = ANY (a.origins) THEN 'is registered'
               ELSE 'has one more origin' || vpd.register_app(
                   a.name, a.pillar, a.origins || $3, a.idle_timeout, a.absolute_timeout, a.ticket_lifetime, a.max_sessions_per_user,
                   a.required_acr, a.max_auth_age, a.when_full)::text
           END
      FROM (SELECT) one
      LEFT JOIN vpd.apps a ON a.name = $1";

/// Attaches a session to the transaction.
pub const ATTACH_SESSION: &str = "SELECT vpd.attach_session($1)";

/// Whose session is attached.
pub const IDENTITY: &str = "SELECT vpd.user_name(), vpd.app_name(), vpd.session_id()";

/// Creates a session for whom an identity token names.
pub const CREATE_SESSION: &str = "
    SELECT vpd.create_session_from_token(
        token => $1,
        app => $2,
        nonce => $3,
        client_address => $4::text::inet,
        user_agent => $5,
        assumed_role => $6)";

/// How many tokens have named a key that is not known, and the issuers that are trusted.
pub const MISSED_KEYS: &str = "
    SELECT vpd.unknown_keys(), ARRAY(SELECT i.issuer FROM vpd.issuers i ORDER BY i.issuer)";

/// Hands in the keys that an issuer has now; what changed.
pub const SET_ISSUER_KEYS: &str = "
    SELECT k.kid, k.thumbprint, k.change FROM vpd.set_issuer_keys($1, $2::text::jsonb) k WHERE k.change <> 'kept'";

/// How an application demands that its users were authenticated.
pub const ASSURANCE: &str = "
    SELECT coalesce((SELECT jsonb_build_object('acr_values', a.required_acr, 'max_age', extract(epoch FROM a.max_auth_age)::bigint)
                       FROM vpd.apps a WHERE a.name = $1), '{}')";

/// What keeps an issuer ($1) from opening sessions for an audience ($2) in an application ($3); NULL when nothing does.
pub const DOCTOR_ISSUER: &str = "
    SELECT CASE WHEN i.issuer IS NULL THEN 'is not trusted by the database: vpd.trust_issuer'
                WHEN NOT $2 = ANY (i.audiences) THEN 'is trusted for other clients: vpd.alter_issuer with audiences'
                WHEN i.kind <> 'identity' THEN 'is trusted for access tokens: vpd.alter_issuer with kind => identity'
                WHEN i.apps <> '{}' AND NOT $3 = ANY (i.apps) THEN 'does not speak for the application ' || $3 || ': vpd.alter_issuer with apps'
                WHEN NOT EXISTS (SELECT FROM vpd.issuer_keys k WHERE k.issuer = i.issuer AND k.is_accepted)
                THEN 'has no key that is accepted: run session-bridge keys sync' END
      FROM (SELECT) one
      LEFT JOIN vpd.issuers i ON i.issuer = $1";

/// The attached session; the argument names the application whose idle time-out its clock follows.
pub const CURRENT_SESSION: &str = "
    SELECT to_jsonb(s) || jsonb_build_object(
               'server_time', clock_timestamp(),
               'idle_timeout_seconds', extract(epoch FROM a.idle_timeout)::bigint,
               'keepalive_seconds', extract(epoch FROM a.idle_timeout / 4)::bigint)
      FROM vpd.current_session() s
      LEFT JOIN vpd.apps a ON a.name = coalesce($1, s.app)";

/// Live sessions of the attached session's user.
pub const MY_SESSIONS: &str = "
    SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.created_at), '[]') FROM vpd.my_sessions m";

/// What the attached session may do with each resource.
pub const SESSION_PRIVILEGES: &str = "
    SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.resource), '[]') FROM vpd.session_privileges() p";

/// Creates a session on behalf of a user.
pub const CREATE_SESSION_ON_BEHALF: &str =
    "SELECT vpd.create_session_on_behalf(token => $1, user_name => $2, app => $3)";

/// Ends the session of a token.
pub const END_SESSION: &str = "SELECT vpd.end_session($1, $2)";

/// Ends the session of a token and those of the same login; where the user is logged in yet, or null.
pub const LOG_OUT: &str = "SELECT coalesce((SELECT to_jsonb(l) FROM vpd.log_out($1) l), 'null')";

/// Ends the sessions of the login that a logout token names.
pub const LOG_OUT_FROM_TOKEN: &str = "SELECT vpd.log_out_from_token($1)";

/// Ends a session of the attached session's user.
pub const END_OWN_SESSION: &str = "SELECT vpd.end_own_session($1)";

/// Gives out a ticket, and says how long it lives.
pub const ISSUE_TICKET: &str = "
    SELECT vpd.issue_ticket($1, $2, $3),
           (SELECT extract(epoch FROM a.ticket_lifetime)::bigint FROM vpd.apps a WHERE a.name = vpd.app_name())";

/// Redeems a ticket; NULL is a refusal that has to be committed.
pub const REDEEM_TICKET: &str = "SELECT vpd.redeem_ticket($1, $2, $3)";

/// A token that tells an audience who the attached session is: a statement of its own, as the function demands.
pub const SIGN_IDENTITY: &str = "SELECT vpd.sign_identity($1)";

/// The name that the database speaks by.
pub const ISSUER_NAME: &str = "SELECT vpd.issuer_name()";

/// The keys that its tokens are verified by. A database without a name signs nothing: no key is made for it.
pub const PUBLIC_KEYS: &str = "SELECT CASE WHEN vpd.issuer_name() IS NOT NULL THEN vpd.public_keys() END";

/// Records a message.
pub const RECORD_MESSAGE: &str = "SELECT vpd.record_message($1, $2)";

/// Validates a message; false is a refusal that has to be committed.
pub const VALIDATE_MESSAGE: &str = "SELECT vpd.validate_message($1, $2)";

/// Messages waiting, oldest first.
pub const BROWSE_QUEUE: &str = "
    SELECT coalesce(jsonb_agg(to_jsonb(q) ORDER BY q.id), '[]') FROM vpd.browse_queue($1) q";

/// The same for many tokens at once: pairs of a token's position and a message.
pub const BROWSE_QUEUES: &str = "
    SELECT coalesce(jsonb_agg(jsonb_build_array(t.position - 1, to_jsonb(q)) ORDER BY t.position, q.id), '[]')
      FROM unnest($1::text[]) WITH ORDINALITY AS t (token, position)
     CROSS JOIN LATERAL vpd.browse_queue(t.token) q";

/// Removes a message.
pub const ACK_MESSAGE: &str = "SELECT vpd.ack_message($1, $2)";

/// Wakes on queued messages.
pub const LISTEN: &str = "LISTEN vpd_queue";

/// Version of the installed extension; no row when it is not installed.
pub const EXTENSION_VERSION: &str = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pg_vpd'";

/// Hands a role and its password verifier to `set_password.sql`, for this transaction.
pub const PASSWORD_SETTINGS: &str = "
    SELECT set_config('session_bridge.role', $1, true), set_config('session_bridge.verifier', $2, true)";

/// Doctor: version of the extension.
pub const DOCTOR_VERSION: &str =
    "SELECT (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_vpd')";

/// Doctor: fails unless the library supplies policies.
pub const DOCTOR_PRELOAD: &str = "SELECT vpd.guard()::text";

/// Doctor: what this role may do that it must not.
pub const DOCTOR_ROLE: &str = "
    SELECT CASE WHEN r.rolsuper THEN 'superuser: policies do not apply'
                WHEN r.rolbypassrls THEN 'BYPASSRLS: policies do not apply'
                WHEN r.rolcreaterole THEN 'CREATEROLE'
                WHEN r.rolreplication THEN 'REPLICATION: reads every table'
                WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) THEN 'member of other roles' END
      FROM pg_roles r
     WHERE r.rolname = current_user";

/// Doctor: tables this role may read, outside the catalog.
pub const DOCTOR_TABLES: &str = "
    SELECT 'may read ' || string_agg(c.oid::regclass::text, ', ')
      FROM pg_class c
     WHERE c.relkind IN ('r', 'p', 'm', 'f')
       AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       AND has_schema_privilege(c.relnamespace, 'USAGE')
       AND has_any_column_privilege(c.oid, 'SELECT')";

/// Doctor: tables this role may read that are not under row security.
pub const DOCTOR_UNPROTECTED: &str = "
    SELECT 'not under policy: ' || string_agg(c.oid::regclass::text, ', ')
      FROM pg_class c
     WHERE c.relkind IN ('r', 'p', 'm', 'f')
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
       AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       AND has_schema_privilege(c.relnamespace, 'USAGE')
       AND has_any_column_privilege(c.oid, 'SELECT')";

/// Doctor: functions of the profile this role may not execute; and that it invents no user.
pub const DOCTOR_BRIDGE_PROFILE: &str = "
    SELECT CASE WHEN EXISTS (
                         SELECT FROM pg_proc p
                          WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = 'create_session'
                            AND has_function_privilege(p.oid, 'EXECUTE'))
                THEN 'may create sessions for anybody: vpd.revoke_profile with session_creator' ELSE (
    SELECT 'may not execute ' || string_agg(f.name, ', ')
      FROM unnest('{create_session_from_token,create_session_on_behalf,session_privileges,attach_session,end_session,end_own_session,log_out,log_out_from_token,issue_ticket,redeem_ticket,
                    record_message,validate_message,browse_queue,ack_message,sign_identity,issuer_name,public_keys}'::text[]) AS f (name)
     WHERE NOT EXISTS (
               SELECT FROM pg_proc p
                WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = f.name AND has_function_privilege(p.oid, 'EXECUTE'))) END";

/// Doctor: the same for the profile of who hands in keys; and that he may create no session.
pub const DOCTOR_KEYS_PROFILE: &str = "
    SELECT CASE WHEN NOT EXISTS (
                         SELECT FROM pg_proc p
                          WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = 'set_issuer_keys'
                            AND has_function_privilege(p.oid, 'EXECUTE'))
                THEN 'may not hand in keys'
                WHEN EXISTS (
                         SELECT FROM pg_proc p
                          WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname IN ('create_session', 'create_session_from_token')
                            AND has_function_privilege(p.oid, 'EXECUTE'))
                THEN 'may create sessions: who has keys must not' END";

/// Doctor: the same for the run-time profile; and that it may create no session.
pub const DOCTOR_RUNTIME_PROFILE: &str = "
    SELECT CASE WHEN NOT EXISTS (
                         SELECT FROM pg_proc p
                          WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = 'attach_session'
                            AND has_function_privilege(p.oid, 'EXECUTE'))
                THEN 'may not attach a session'
                WHEN EXISTS (
                         SELECT FROM pg_proc p
                          WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = 'create_session'
                            AND has_function_privilege(p.oid, 'EXECUTE'))
                THEN 'may create sessions: for the bridge only' END";

/// Doctor: the clock of the database.
pub const DOCTOR_CLOCK: &str = "SELECT extract(epoch FROM clock_timestamp())::text";

/// Begins a load.
pub const BEGIN_LOAD: &str = "SELECT vpd.begin_load($1, $2)";

/// Hands a part of the file over.
pub const LOAD_PART: &str = "SELECT vpd.load_part($1)";

/// Ends a load; the faults.
pub const FINISH_LOAD: &str = "SELECT line, column_name, value, reason FROM vpd.finish_load()";

/// Every definition of the database. What hangs on users is anything at all, NULL and numbers of any length included: it stays JSON in a text.
pub const EXPORT_DEFINITIONS: &str = "
    SELECT d.document || coalesce((
               SELECT jsonb_build_object('users', jsonb_agg(
                          CASE WHEN u.definition ? 'attributes'
                               THEN u.definition || jsonb_build_object('attributes', (u.definition -> 'attributes')::text)
                               ELSE u.definition END
                          ORDER BY u.place))
                 FROM jsonb_array_elements(d.document -> 'users') WITH ORDINALITY AS u (definition, place)
               HAVING count(*) > 0), '{}')
      FROM vpd.export_definitions($1, $2) AS d (document)";

/// The same as the text of a JSON document.
pub const EXPORT_DEFINITIONS_AS_JSON: &str = "SELECT jsonb_pretty(vpd.export_definitions($1, $2))";

/// What importing definitions would change.
pub const DIFFERENCE_OF_DEFINITIONS: &str =
    "SELECT d.change, d.kind, d.name, d.detail FROM vpd.policy_store_difference($1::text::jsonb, $2) d";

/// Imports definitions.
pub const IMPORT_DEFINITIONS: &str =
    "SELECT i.change, i.kind, i.name, i.detail FROM vpd.import_definitions($1::text::jsonb, prune => $2) i";

/// How many alarms there were, by event.
pub const ALARM_COUNTS: &str =
    "SELECT coalesce(jsonb_object_agg(a.event, a.alarms), '{}') FROM vpd.alarm_counts a";

/// Waits until everything that was recorded so far is in the audit trail.
pub const FLUSH_AUDIT: &str = "SELECT vpd.flush_audit()";

/// Where an export of the audit trail begins: behind the record $1, or behind all that were dropped.
pub const AUDIT_BEGIN: &str = "
    SELECT b.sequence, encode(b.hash, 'hex')
      FROM (SELECT t.sequence, t.hash FROM vpd.audit_trail t WHERE t.sequence = $1::bigint
             UNION ALL
            SELECT c.sequence, c.hash FROM vpd.audit_checkpoints c WHERE $1::bigint IS NULL AND c.is_stub
             UNION ALL
            SELECT 0, decode(repeat('00', 32), 'hex') WHERE coalesce($1::bigint, 0) = 0) b
     ORDER BY b.sequence DESC
     LIMIT 1";

/// Lines of an export: at most $2 records behind the record $1, each with the checkpoint over it.
pub const AUDIT_LINES: &str = "
    WITH r AS (
        SELECT e.sequence, e.line FROM vpd.audit_export e WHERE e.sequence > $1::bigint ORDER BY e.sequence LIMIT $2::bigint
    )
    SELECT l.sequence, l.line
      FROM (SELECT r.sequence, 1 AS place, r.line FROM r
             UNION ALL
            SELECT c.sequence, 2, jsonb_build_object('checkpoint', jsonb_build_object(
                       'sequence', c.sequence, 'hash', encode(c.hash, 'hex'), 'kid', c.kid, 'signature', encode(c.signature, 'hex'),
                       'made_at', (extract(epoch FROM c.made_at - '2000-01-01 00:00:00+00'::timestamptz) * 1000000)::bigint))
              FROM vpd.audit_checkpoints c
              JOIN r ON r.sequence = c.sequence) l
     ORDER BY l.sequence, l.place";

/// The public keys that checkpoints were signed with, as a JWK set.
pub const AUDIT_KEYS: &str =
    "SELECT jsonb_build_object('keys', coalesce(jsonb_agg(k.key), '[]')) FROM vpd.signing_keys k";
