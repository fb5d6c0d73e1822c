-- Removes a batch of sessions that ended more than a minute ago, with their tokens, spent messages and what they may do.
WITH due AS (
    SELECT s.ctid AS place, s.id
      FROM vpd_private.session s
     WHERE s.ended_at < clock_timestamp() - interval '1 minute'
     LIMIT $1
       FOR UPDATE SKIP LOCKED
), tokens AS (
    DELETE FROM vpd_private.session_token t USING due WHERE t.session_id = due.id
), messages AS (
    DELETE FROM vpd_private.message_spent m USING due WHERE m.root_id = due.id
), authority AS (
    DELETE FROM vpd_private.session_authority a USING due WHERE a.session_id = due.id
)
DELETE FROM vpd_private.session s USING due WHERE s.ctid = due.place;
