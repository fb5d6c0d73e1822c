-- Folds a batch of uses into their sessions; those of sessions that are gone just go. Sessions somebody is changing wait for the next run.
WITH due AS (
    SELECT s.id
      FROM vpd_private.session s
     WHERE s.id IN (SELECT u.root_id FROM vpd_private.session_use u LIMIT $1)
       FOR UPDATE SKIP LOCKED
), folded AS (
    DELETE FROM vpd_private.session_use u
     WHERE u.root_id IN (SELECT due.id FROM due)
        OR NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = u.root_id)
    RETURNING u.root_id, u.used_at
)
UPDATE vpd_private.session s
   SET last_access_at = latest.used_at
  FROM (SELECT f.root_id, max(f.used_at) AS used_at FROM folded f GROUP BY f.root_id) latest
 WHERE s.id = latest.root_id
   AND s.last_access_at < latest.used_at;
