-- Removes a batch of tombstones that can no longer be replayed to any effect.
DELETE FROM vpd_private.ticket_tombstone
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM vpd_private.ticket_tombstone WHERE keep_until <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
   ));
