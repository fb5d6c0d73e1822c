-- Creates a session with its token, unless the user has as many as the application allows.
-- One row: its id, if it was created, and the limit. No row: there is no such application.
WITH app AS (
    SELECT a.*,
           (SELECT count(*)
              FROM vpd_private.session s
              JOIN vpd_private.session_clock c ON c.id = s.id
             WHERE s.user_name = $2
               AND s.app = a.name
               AND s.ended_at IS NULL
               AND s.id = s.root_id
               AND clock_timestamp() < c.idle_expires_at) AS live_sessions,
           clock_timestamp() AS now,
           gen_random_uuid() AS id
      FROM vpd_private.app a
     WHERE a.name = $3
), created AS (
    INSERT INTO vpd_private.session
           (id, root_id, pillar, app, user_name, is_authenticated, audit_identity, acting_for, roles, privileges, attributes,
            language, territory, date_format, number_format, client_address, user_agent, auth_time, created_at, last_access_at,
            idle_timeout, expires_at, assumed_role)
    SELECT app.id, app.id, app.pillar, app.name, $2, true, coalesce($7, $2), $8, $5, $6, $4,
           $9, $10, $11, $12, $13, left($14, 512), coalesce($15, app.now), app.now, app.now,
           app.idle_timeout, app.now + app.absolute_timeout, $16
      FROM app
     WHERE app.live_sessions < app.max_sessions_per_user
    RETURNING id
), token AS (
    INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, issued_at)
    SELECT $1, created.id, app.name, true, app.now
      FROM created, app
)
SELECT (SELECT created.id FROM created),
       app.max_sessions_per_user
  FROM app;
