-- The queue of a token's application; one close message with id 0 for a session that is over or unknown and has none queued.
WITH holder AS (
    SELECT t.session_id,
           t.app,
           EXISTS (SELECT FROM vpd_private.live_token l WHERE l.token_hash = t.token_hash) AS is_live
      FROM vpd_private.session_token t
     WHERE t.token_hash = $1
), waiting AS (
    SELECT q.id, q.kind, q.reason, q.created_at
      FROM vpd_private.queue q
      JOIN holder h ON q.session_id = h.session_id AND q.app = h.app
)
SELECT id, kind, reason, created_at FROM waiting
UNION ALL
SELECT 0, 'close', 'session_over', clock_timestamp()
 WHERE NOT EXISTS (SELECT FROM waiting)
   AND NOT EXISTS (SELECT FROM holder WHERE is_live)
 ORDER BY id;
