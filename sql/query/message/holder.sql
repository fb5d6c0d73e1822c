-- The root session and the application of a token whose session is live, and whether it is the token of the login itself.
SELECT c.root_id,
       t.app,
       t.is_primary AND c.id = c.root_id AS is_of_login
  FROM vpd_private.session_token t
  JOIN vpd_private.session_clock c ON c.id = t.session_id
 WHERE t.token_hash = $1
   AND c.is_open
   AND clock_timestamp() < c.idle_expires_at;
