-- Removes tokens whose session is gone: they were given out while it was removed.
-- Looks at as many as $1 from a random place on, and from the beginning when it comes to the end. Passes over rows that somebody else holds.
WITH place AS (
    SELECT gen_random_uuid() AS id
), stretch AS (
    (SELECT t.session_id FROM vpd_private.session_token t WHERE t.session_id >= (SELECT place.id FROM place) ORDER BY t.session_id LIMIT $1)
    UNION ALL
    (SELECT t.session_id FROM vpd_private.session_token t WHERE t.session_id < (SELECT place.id FROM place) ORDER BY t.session_id LIMIT $1)
    LIMIT $1
), gone AS (
    SELECT DISTINCT stretch.session_id
      FROM stretch
     WHERE NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = stretch.session_id)
)
DELETE FROM vpd_private.session_token
 WHERE ctid = ANY (ARRAY(
       SELECT t.ctid
         FROM gone
         JOIN vpd_private.session_token t ON t.session_id = gone.session_id
          FOR UPDATE OF t SKIP LOCKED
   ));
