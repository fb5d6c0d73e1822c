-- Whether a user has such a live session.
SELECT true
  FROM vpd_private.session s
  JOIN vpd_private.session_clock c ON c.id = s.id
 WHERE s.id = $1
   AND s.user_name = $2
   AND c.is_open
   AND clock_timestamp() < c.idle_expires_at;
