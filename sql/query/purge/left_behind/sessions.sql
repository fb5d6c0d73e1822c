-- Sessions that were made while what they came out of was being ended, and that nobody ended: among as many as $1 from a random place on, and from the
-- beginning when it comes to the end.
WITH place AS (
    SELECT gen_random_uuid() AS id
), stretch AS (
    (
        SELECT s.id, s.parent_id, s.ended_at
          FROM vpd_private.session s
         WHERE s.parent_id >= (SELECT place.id FROM place)
         ORDER BY s.parent_id
         LIMIT $1
    )
    UNION ALL
    (
        SELECT s.id, s.parent_id, s.ended_at
          FROM vpd_private.session s
         WHERE s.parent_id < (SELECT place.id FROM place)
         ORDER BY s.parent_id
         LIMIT $1
    )
    LIMIT $1
)
SELECT stretch.id
  FROM stretch
 WHERE stretch.ended_at IS NULL
   AND NOT EXISTS (SELECT FROM vpd_private.session above WHERE above.id = stretch.parent_id AND above.ended_at IS NULL);
