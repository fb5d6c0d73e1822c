SELECT c.idle_expires_at,
       c.expires_at
  FROM vpd_private.session_clock c
 WHERE c.id = $1
   AND c.is_open;
