-- How many sessions somebody who is logged in ($1) has in an application ($2) that nobody has ended; no fewer than live ones.
SELECT count(*)
  FROM vpd_private.session r
  JOIN vpd_private.session s ON s.root_id = r.id
 WHERE r.user_name = $1
   AND r.ended_at IS NULL
   AND s.app = $2
   AND s.ended_at IS NULL;
