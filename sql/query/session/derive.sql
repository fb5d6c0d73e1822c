-- The only statement by which a session comes out of a session. The new one lies below it, and inherits every column that is not named here: a limit that
-- sessions get one day is inherited as well. A handoff within the pillar opens the session itself.
-- $1 the session, $2 application, $3 hash of the token to give out, $4 hash of the ticket it is for, $5 whether use through it moves the clock,
-- $6 the user it is on behalf of, $7 whether with all that he has, $8 his attributes, $9 and $10 the eras of session and token.
-- One row: what became of it, the session that the token opens, the limit. No row: the session is over, or there is no such application.
WITH source AS (
    SELECT s AS session,
           r.user_name AS holder
      FROM vpd_private.session s
      JOIN vpd_private.session_clock c ON c.id = s.id
      JOIN vpd_private.session r ON r.id = s.root_id
     WHERE s.id = $1
       AND c.is_open
       AND clock_timestamp() < c.idle_expires_at
), target AS (
    SELECT a.*,
           a.pillar = (source.session).pillar AS is_same_pillar,
           clock_timestamp() AS now,
           gen_random_uuid() AS id
      FROM source
      JOIN vpd_private.app a ON a.name = $2
), verdict AS (
    SELECT CASE
               WHEN $6::text IS NULL AND t.is_same_pillar THEN 'shared'
               WHEN $6 IS NOT NULL AND NOT t.is_same_pillar THEN 'other_pillar'
               WHEN (
                   SELECT count(*)
                     FROM vpd_private.held_session h
                    WHERE h.holder = source.holder
                      AND h.app = t.name
               ) >= t.max_sessions_per_user THEN 'limit_sessions'
               ELSE 'derived'
           END AS word
      FROM source
     CROSS JOIN target t
), derived AS (
    INSERT INTO vpd_private.session
    SELECT made.*
      FROM source
     CROSS JOIN target t
     CROSS JOIN verdict
     CROSS JOIN LATERAL jsonb_populate_record(
           source.session,
           jsonb_build_object(
               'id', t.id,
               'parent_id', (source.session).id,
               'pillar', t.pillar,
               'app', t.name,
               'made_in', $9::bigint,
               -- What the login brought goes over to nobody.
               'roles', '[]'::jsonb,
               'privileges', '[]'::jsonb,
               'attributes', $8::jsonb,
               'created_at', t.now,
               'last_access_at', t.now
           ) || CASE
               WHEN $6 IS NULL THEN '{}'
               ELSE jsonb_build_object(
                   'user_name', $6,
                   'audit_identity', $6,
                   'actors', to_jsonb((source.session).user_name || (source.session).actors),
                   -- Its limits, the one role it runs with among them, are asked of that session itself.
                   'actor_session_id', (source.session).id,
                   'assumed_role', NULL,
                   'acts_fully', $7::boolean
               )
           END
       ) made
     WHERE verdict.word = 'derived'
    RETURNING id
), token AS (
    INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, ticket_hash, issued_at, made_in)
    SELECT $3, coalesce((SELECT derived.id FROM derived), (source.session).id), t.name, $5, $4, t.now, $10
      FROM source
     CROSS JOIN target t
     CROSS JOIN verdict
     WHERE verdict.word IN ('derived', 'shared')
    RETURNING session_id
)
SELECT verdict.word,
       (SELECT token.session_id FROM token),
       t.max_sessions_per_user
  FROM verdict
 CROSS JOIN target t;
