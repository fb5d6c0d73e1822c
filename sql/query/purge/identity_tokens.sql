-- Removes a batch of tokens of identity providers that are not usable any more, in the order of that: $1 how many, from $2 to $3. Returns until when each was.
DELETE FROM vpd_private.identity_token
 WHERE ctid = ANY (ARRAY(
       SELECT ctid
         FROM vpd_private.identity_token
        WHERE usable_until >= coalesce($2::timestamptz, '-infinity')
          AND usable_until <= $3
        ORDER BY usable_until
        LIMIT $1
          FOR UPDATE SKIP LOCKED
   ))
RETURNING usable_until;
