-- Stores a ticket for a live session; one row says what became of it.
WITH holder AS (
    SELECT c.id, t.app, a.ticket_lifetime, clock_timestamp() AS now
      FROM vpd_private.session_token t
      JOIN vpd_private.session_clock c ON c.id = t.session_id
      JOIN vpd_private.app a ON a.name = t.app
     WHERE t.token_hash = $1
       AND c.is_open
       AND clock_timestamp() < c.idle_expires_at
), verdict AS (
    SELECT CASE
               WHEN NOT EXISTS (SELECT FROM holder) THEN 'session_invalid'
               WHEN NOT EXISTS (SELECT FROM vpd_private.app a WHERE a.name = $3) THEN 'app_not_found'
               WHEN (SELECT count(*)
                       FROM vpd_private.ticket k, holder
                      WHERE k.session_id = holder.id
                        AND k.expires_at > holder.now) >= 10 THEN 'limit_tickets'
               ELSE 'issued'
           END AS word
), stored AS (
    INSERT INTO vpd_private.ticket (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at)
    SELECT $2, holder.id, holder.app, $3, $4, holder.now, holder.now + holder.ticket_lifetime
      FROM holder, verdict
     WHERE verdict.word = 'issued'
)
SELECT word FROM verdict;
