-- Ends live sessions and what was handed over from them: those of a token, one by id (perhaps of a given user only), those of
-- a user, or all. Returns the ended ones.
WITH chosen AS (
    SELECT s.id
      FROM vpd_private.session s
     WHERE ($1 IS NOT NULL AND s.id = (SELECT t.session_id FROM vpd_private.session_token t WHERE t.token_hash = $1))
        OR ($2 IS NOT NULL AND s.id = $2 AND ($3 IS NULL OR s.user_name = $3))
        OR ($2 IS NULL AND $3 IS NOT NULL AND s.user_name = $3)
        OR $4
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = left($5, 64)
  FROM chosen
 WHERE (s.id = chosen.id OR s.root_id = chosen.id OR s.parent_id = chosen.id)
   AND s.ended_at IS NULL
RETURNING s.id;
