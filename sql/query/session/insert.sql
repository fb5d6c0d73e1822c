-- Creates a session with its token, unless the user holds as many as the application allows.
-- One row: its id, if it was created, and the limit. No row: there is no such application.
WITH app AS (
    SELECT a.*,
           (SELECT count(*) FROM vpd_private.held_session h WHERE h.holder = $2 AND h.app = a.name) AS live_sessions,
           clock_timestamp() AS now,
           gen_random_uuid() AS id
      FROM vpd_private.app a
     WHERE a.name = $3
), created AS (
    INSERT INTO vpd_private.session
           (id, root_id, pillar, app, user_name, is_authenticated, audit_identity, acting_for, roles, privileges, attributes,
            language, territory, date_format, number_format, client_address, user_agent, auth_time, created_at, last_access_at,
            idle_timeout, expires_at, assumed_role, made_in)
    SELECT app.id, app.id, app.pillar, app.name, $2, true, coalesce($7, $2), $8, $5, $6, $4,
           $9, $10, $11, $12, $13, left($14, 512), coalesce($15, app.now), app.now, app.now,
           app.idle_timeout, app.now + app.absolute_timeout, $16, $17
      FROM app
     WHERE app.live_sessions < app.max_sessions_per_user
    RETURNING id
), token AS (
    INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, issued_at, made_in)
    SELECT $1, created.id, app.name, true, app.now, $18
      FROM created, app
)
SELECT (SELECT created.id FROM created),
       app.max_sessions_per_user
  FROM app;
