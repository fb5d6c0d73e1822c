-- Records a keep-alive of a live session; one row says what became of it.
WITH holder AS (
    SELECT t.root_id, t.app, clock_timestamp() AS now
      FROM vpd_private.live_token t
     WHERE t.token_hash = $1
), verdict AS (
    SELECT CASE
               WHEN NOT EXISTS (SELECT FROM holder) THEN 'session_invalid'
               WHEN NOT EXISTS (SELECT FROM vpd_private.app a WHERE a.name = $3) THEN 'app_not_found'
               WHEN (SELECT h.app FROM holder h) = $3 THEN 'argument_invalid'
               ELSE 'recorded'
           END AS word
), stored AS (
    INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
    SELECT $2, holder.root_id, holder.app, $3, holder.now, holder.now + interval '60 seconds'
      FROM holder, verdict
     WHERE verdict.word = 'recorded'
)
SELECT word FROM verdict;
