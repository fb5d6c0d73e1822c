-- Ends a batch of sessions past a time-out, with what was handed over from them.
WITH due AS (
    SELECT s.id,
           CASE WHEN s.expires_at <= clock_timestamp() THEN 'absolute_timeout' ELSE 'idle_timeout' END AS reason
      FROM vpd_private.session s
     WHERE s.ended_at IS NULL
       AND s.id = s.root_id
       AND least(s.last_access_at + s.idle_timeout, s.expires_at) <= clock_timestamp()
       AND (s.expires_at <= clock_timestamp() OR NOT EXISTS (
               SELECT FROM vpd_private.session_use u
                WHERE u.root_id = s.id
                  AND u.used_at + s.idle_timeout > clock_timestamp()
           ))
     LIMIT $1
       FOR UPDATE SKIP LOCKED
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = due.reason
  FROM due
 WHERE s.root_id = due.id
   AND s.ended_at IS NULL
RETURNING s.id;
