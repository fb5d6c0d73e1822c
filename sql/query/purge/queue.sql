-- Removes a batch of queue entries nobody fetched for a day, the oldest first: $1 how many, from $2 to $3. Returns when each was queued.
DELETE FROM vpd_private.queue
 WHERE ctid = ANY (ARRAY(
       SELECT ctid
         FROM vpd_private.queue
        WHERE created_at >= coalesce($2::timestamptz, '-infinity')
          AND created_at < $3
        ORDER BY created_at
        LIMIT $1
          FOR UPDATE SKIP LOCKED
   ))
RETURNING created_at;
