-- Removes a batch of sessions that ended more than a minute ago, in the order of their ends: $1 how many, from $2 to $3. Returns when each ended, and which it was.
DELETE FROM vpd_private.session
 WHERE ctid = ANY (ARRAY(
       SELECT ctid
         FROM vpd_private.session
        WHERE ended_at >= coalesce($2::timestamptz, '-infinity')
          AND ended_at < $3
        ORDER BY ended_at
        LIMIT $1
          FOR UPDATE SKIP LOCKED
   ))
RETURNING ended_at, id;
