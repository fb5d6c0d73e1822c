-- The root session and the application of a token whose session is live.
SELECT s.root_id,
       t.app
  FROM vpd_private.session_token t
  JOIN vpd_private.session s ON s.id = t.session_id
  JOIN vpd_private.session r ON r.id = s.root_id
 WHERE t.token_hash = $1
   AND s.ended_at IS NULL
   AND r.ended_at IS NULL
   AND clock_timestamp() < least(r.last_access_at + r.idle_timeout, r.expires_at);
