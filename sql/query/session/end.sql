-- Ends live sessions and what was handed over from them, or opened on behalf of somebody: those of a token, one by id (perhaps of a
-- given user only), those of a user, or all. Returns the ended ones.
WITH RECURSIVE chosen AS (
    SELECT s.id, s.root_id
      FROM vpd_private.session s
     WHERE ($1 IS NOT NULL AND s.id = (SELECT t.session_id FROM vpd_private.session_token t WHERE t.token_hash = $1))
        OR ($2 IS NOT NULL AND s.id = $2 AND ($3 IS NULL OR s.user_name = $3))
        OR ($2 IS NULL AND $3 IS NOT NULL AND s.user_name = $3)
        OR ($2 IS NULL AND $3 IS NOT NULL AND $3 = ANY (s.actors))
        OR $4
), doomed (id, root_id) AS (
    SELECT c.id, c.root_id FROM chosen c
    UNION
    SELECT s.id, s.root_id
      FROM doomed d
      JOIN vpd_private.session s ON s.root_id = d.root_id
     WHERE s.parent_id = d.id
        OR d.id = d.root_id
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = left($5, 64)
  FROM doomed
 WHERE s.id = doomed.id
   AND s.ended_at IS NULL
RETURNING s.id;
