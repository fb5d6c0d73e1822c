-- Removes a batch of stale messages.
DELETE FROM vpd_private.message
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM vpd_private.message WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
   ));
