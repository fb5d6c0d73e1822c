-- As end.sql, and passes over rows that somebody else holds: for those that are dead without it, by their era or their clocks. Whoever holds one, to end another
-- or for as long as he likes, holds up nobody.
-- $1 the sessions to begin with, $2 why. Returns those it ended.
WITH RECURSIVE doomed (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.parent_id = d.id
), held AS (
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.id = d.id
     WHERE s.ended_at IS NULL
     ORDER BY s.id
       FOR UPDATE OF s SKIP LOCKED
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = left($2, 64)
  FROM held
 WHERE s.id = held.id
   AND s.ended_at IS NULL
RETURNING s.id;
