-- Consumes a keep-alive, if it was recorded for this session and application, is fresh and was not used before. It moves the idle clock when the
-- application has the clock ($4): two that were handed the session over do not keep it alive between them.
-- One row says what became of it: accepted; spent, when it was recorded for them and is used or stale; unknown.
WITH consumed AS (
    DELETE FROM vpd_private.message m
     USING vpd_private.session r
     WHERE m.message_hash = $1
       AND m.root_id = $2
       AND m.target_app = $3
       AND m.expires_at > clock_timestamp()
       AND r.id = m.root_id
       AND r.ended_at IS NULL
    RETURNING m.message_hash, m.root_id
), spent AS (
    INSERT INTO vpd_private.message_spent (message_hash, root_id)
    SELECT message_hash, root_id FROM consumed
), used AS (
    INSERT INTO vpd_private.session_use (root_id, used_at)
    SELECT root_id, clock_timestamp() FROM consumed WHERE $4
)
SELECT CASE
           WHEN EXISTS (SELECT FROM consumed) THEN 'accepted'
           WHEN EXISTS (
                    SELECT FROM vpd_private.message m
                     WHERE m.message_hash = $1 AND m.root_id = $2 AND m.target_app = $3
                )
             OR EXISTS (SELECT FROM vpd_private.message_spent s WHERE s.message_hash = $1 AND s.root_id = $2)
               THEN 'spent'
           ELSE 'unknown'
       END AS word;
