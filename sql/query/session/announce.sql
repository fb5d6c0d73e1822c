-- Queues a close message for every application with a token of ended sessions, but one: $1 the sessions, $2 that application.
INSERT INTO vpd_private.queue (session_id, app, kind, reason, created_at)
SELECT DISTINCT t.session_id, t.app, 'close', coalesce(s.end_reason, 'ended'), clock_timestamp()
  FROM vpd_private.session_token t
  JOIN vpd_private.session s ON s.id = t.session_id
 WHERE t.session_id = ANY ($1)
   AND t.app IS DISTINCT FROM $2;
