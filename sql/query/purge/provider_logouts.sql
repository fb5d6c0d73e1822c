-- Removes a batch of logouts at identity providers that no token can be older than any more, in the order of that: $1 how many, from $2 to $3. Returns until when each counted.
DELETE FROM vpd_private.provider_logout
 WHERE ctid = ANY (ARRAY(
       SELECT ctid
         FROM vpd_private.provider_logout
        WHERE usable_until >= coalesce($2::timestamptz, '-infinity')
          AND usable_until <= $3
        ORDER BY usable_until
        LIMIT $1
          FOR UPDATE SKIP LOCKED
   ))
RETURNING usable_until;
