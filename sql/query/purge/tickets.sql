-- Removes a batch of expired tickets.
DELETE FROM vpd_private.ticket
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM vpd_private.ticket WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
   ));
