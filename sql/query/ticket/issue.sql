-- Stores a ticket for a live session; one row says what became of it.
WITH holder AS (
    SELECT t.session_id, t.app, a.ticket_lifetime, clock_timestamp() AS now
      FROM vpd_private.live_token t
      JOIN vpd_private.app a ON a.name = t.app
     WHERE t.token_hash = $1
), verdict AS (
    SELECT CASE
               WHEN NOT EXISTS (SELECT FROM holder) THEN 'session_invalid'
               WHEN NOT EXISTS (SELECT FROM vpd_private.app a WHERE a.name = $3) THEN 'app_not_found'
               WHEN (SELECT count(*)
                       FROM vpd_private.ticket k, holder
                      WHERE k.session_id = holder.session_id
                        AND k.expires_at > holder.now) >= 10 THEN 'limit_tickets'
               ELSE 'issued'
           END AS word
), stored AS (
    INSERT INTO vpd_private.ticket (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at, made_in)
    SELECT $2, holder.session_id, holder.app, $3, $4, holder.now, holder.now + holder.ticket_lifetime, $5
      FROM holder, verdict
     WHERE verdict.word = 'issued'
)
SELECT word FROM verdict;
