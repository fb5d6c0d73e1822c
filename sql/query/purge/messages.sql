-- Removes a batch of stale messages. While their session lives, they are remembered as spent.
WITH stale AS (
    DELETE FROM vpd_private.message
     WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM vpd_private.message WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
       ))
    RETURNING message_hash, root_id
), remembered AS (
    INSERT INTO vpd_private.message_spent (message_hash, root_id)
    SELECT stale.message_hash, stale.root_id
      FROM stale
     WHERE EXISTS (SELECT FROM vpd_private.session r WHERE r.id = stale.root_id)
)
SELECT FROM stale;
