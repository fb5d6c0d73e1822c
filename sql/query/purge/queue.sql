-- Removes a batch of queue entries nobody fetched for a day.
DELETE FROM vpd_private.queue
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM vpd_private.queue WHERE created_at < clock_timestamp() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED
   ));
