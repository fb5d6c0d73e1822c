-- Creates a session on behalf of a user, below the session of whoever acts; it lives by the clocks of that one.
-- One row: its id, if it was created, whether the application is of the same pillar, and the limit. No row: there is no such application.
WITH actor AS (
    SELECT s.*, t.app AS token_app, t.is_primary
      FROM vpd_private.session_token t
      JOIN vpd_private.session s ON s.id = t.session_id
     WHERE t.token_hash = $2
), app AS (
    SELECT a.*,
           clock_timestamp() AS now,
           gen_random_uuid() AS id,
           a.pillar = actor.pillar AS is_same_pillar,
           (
               SELECT count(*)
                 FROM vpd_private.session s
                WHERE s.root_id = actor.root_id
                  AND s.actor_session_id = actor.id
                  AND s.ended_at IS NULL
           ) AS live_sessions
      FROM actor
      JOIN vpd_private.app a ON a.name = coalesce($4, actor.token_app)
), created AS (
    INSERT INTO vpd_private.session
           (id, root_id, parent_id, pillar, app, user_name, is_authenticated, audit_identity, actors, actor_session_id, acts_fully,
            roles, privileges, attributes, language, territory, date_format, number_format, client_address, user_agent, auth_time,
            created_at, last_access_at, idle_timeout, expires_at)
    SELECT app.id, actor.root_id, actor.id, app.pillar, app.name, $3, true, $3, actor.user_name || actor.actors, actor.id, $6,
           '{}', '{}', $5, actor.language, actor.territory, actor.date_format, actor.number_format, actor.client_address,
           actor.user_agent, actor.auth_time, app.now, app.now, actor.idle_timeout, actor.expires_at
      FROM actor
     CROSS JOIN app
     WHERE app.is_same_pillar
       AND app.live_sessions < app.max_sessions_per_user
    RETURNING id
), token AS (
    INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, issued_at)
    SELECT $1, created.id, app.name, actor.is_primary, app.now
      FROM created
     CROSS JOIN app
     CROSS JOIN actor
)
SELECT (SELECT created.id FROM created),
       app.is_same_pillar,
       app.max_sessions_per_user
  FROM app;
