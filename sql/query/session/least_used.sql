-- The live logins of somebody ($1) to an application ($2) that were used least recently: as many as $3.
SELECT s.id
  FROM vpd_private.held_session h
  JOIN vpd_private.session s ON s.id = h.id
 WHERE h.holder = $1
   AND h.app = $2
   AND s.parent_id IS NULL
 ORDER BY greatest(s.last_access_at, (SELECT max(u.used_at) FROM vpd_private.session_use u WHERE u.root_id = s.id)), s.created_at, s.id
 LIMIT $3;
