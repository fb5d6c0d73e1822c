-- Ends a session, and what was handed over from it, because a keep-alive did not hold.
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = 'message_refused'
 WHERE s.root_id = $1
   AND s.ended_at IS NULL
RETURNING s.id;
