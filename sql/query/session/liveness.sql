SELECT least(r.last_access_at + r.idle_timeout, r.expires_at),
       r.expires_at
  FROM vpd_private.session s
  JOIN vpd_private.session r ON r.id = s.root_id
 WHERE s.id = $1
   AND s.ended_at IS NULL
   AND r.ended_at IS NULL;
