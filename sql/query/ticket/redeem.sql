-- Redeems a ticket: one statement, so that whatever the concurrency one redeemer wins. Returns the session it opens.
WITH taken AS (
    DELETE FROM vpd_private.ticket k
     WHERE k.ticket_hash = $1
       AND k.target_app = $2
       AND k.challenge = $3
       AND k.expires_at > clock_timestamp()
    RETURNING k.session_id
), redeemed AS (
    SELECT s.id AS source_id,
           CASE WHEN s.pillar = a.pillar THEN s.id ELSE gen_random_uuid() END AS id,
           a.pillar,
           c.expires_at,
           clock_timestamp() AS now
      FROM taken
      JOIN vpd_private.session s ON s.id = taken.session_id
      JOIN vpd_private.session_clock c ON c.id = s.id
      JOIN vpd_private.app a ON a.name = $2
     WHERE c.is_open
       AND clock_timestamp() < c.idle_expires_at
), child AS (
    -- Across pillars the identity goes over, and nothing else.
    INSERT INTO vpd_private.session
           (id, root_id, parent_id, pillar, app, user_name, is_authenticated, audit_identity, acting_for, actors,
            actor_session_id, acts_fully, roles, privileges, attributes, language, territory, date_format, number_format,
            client_address, user_agent, auth_time, created_at, last_access_at, idle_timeout, expires_at)
    SELECT d.id, s.root_id, s.id, d.pillar, $2, s.user_name, s.is_authenticated, s.audit_identity, s.acting_for, s.actors,
           s.actor_session_id, s.acts_fully, '{}', '{}', '{}', s.language, s.territory, s.date_format, s.number_format,
           s.client_address, s.user_agent, s.auth_time, d.now, d.now, s.idle_timeout, d.expires_at
      FROM redeemed d
      JOIN vpd_private.session s ON s.id = d.source_id
     WHERE d.id <> d.source_id
), token AS (
    INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, ticket_hash, issued_at)
    SELECT $4, d.id, $2, false, $1, d.now FROM redeemed d
)
SELECT id FROM redeemed;
