-- Removes spent messages of sessions that are gone: they came while it was removed.
-- Looks at as many as $1 from a random place on, and from the beginning when it comes to the end. Passes over rows that somebody else holds.
WITH place AS (
    SELECT gen_random_uuid() AS id
), stretch AS (
    (SELECT t.root_id FROM vpd_private.message_spent t WHERE t.root_id >= (SELECT place.id FROM place) ORDER BY t.root_id LIMIT $1)
    UNION ALL
    (SELECT t.root_id FROM vpd_private.message_spent t WHERE t.root_id < (SELECT place.id FROM place) ORDER BY t.root_id LIMIT $1)
    LIMIT $1
), gone AS (
    SELECT DISTINCT stretch.root_id
      FROM stretch
     WHERE NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = stretch.root_id)
)
DELETE FROM vpd_private.message_spent
 WHERE ctid = ANY (ARRAY(
       SELECT t.ctid
         FROM gone
         JOIN vpd_private.message_spent t ON t.root_id = gone.root_id
          FOR UPDATE OF t SKIP LOCKED
   ));
