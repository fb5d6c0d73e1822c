-- Removes a batch of stale messages, in the order in which they became so: $1 how many, from $2 to $3. While their session lives, they are remembered as
-- spent. Returns when each became stale.
WITH stale AS (
    DELETE FROM vpd_private.message
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM vpd_private.message
            WHERE expires_at >= coalesce($2::timestamptz, '-infinity')
              AND expires_at <= $3
            ORDER BY expires_at
            LIMIT $1
              FOR UPDATE SKIP LOCKED
       ))
    RETURNING message_hash, root_id, expires_at
), remembered AS (
    INSERT INTO vpd_private.message_spent (message_hash, root_id)
    SELECT stale.message_hash, stale.root_id
      FROM stale
     WHERE EXISTS (SELECT FROM vpd_private.session r WHERE r.id = stale.root_id)
)
SELECT stale.expires_at FROM stale;
