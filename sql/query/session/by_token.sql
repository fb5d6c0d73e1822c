-- The live session a token opens, with its clocks. The caller compares them with the wall clock.
SELECT s.id,
       s.root_id,
       t.is_primary,
       r.last_access_at,
       least(r.last_access_at + r.idle_timeout, r.expires_at),
       r.expires_at
  FROM vpd_private.session_token t
  JOIN vpd_private.session s ON s.id = t.session_id
  JOIN vpd_private.session r ON r.id = s.root_id
 WHERE t.token_hash = $1
   AND s.ended_at IS NULL
   AND r.ended_at IS NULL;
