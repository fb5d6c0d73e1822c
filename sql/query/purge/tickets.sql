-- Removes a batch of expired tickets, in the order in which they expired: $1 how many, from $2 to $3. Returns when each did.
DELETE FROM vpd_private.ticket
 WHERE ctid = ANY (ARRAY(
       SELECT ctid
         FROM vpd_private.ticket
        WHERE expires_at >= coalesce($2::timestamptz, '-infinity')
          AND expires_at <= $3
        ORDER BY expires_at
        LIMIT $1
          FOR UPDATE SKIP LOCKED
   ))
RETURNING expires_at;
