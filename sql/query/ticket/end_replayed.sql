-- Ends what a ticket gave that is presented again, and what was handed over from that.
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = 'ticket_replayed'
  FROM vpd_private.session_token t
 WHERE t.ticket_hash = $1
   AND (s.id = t.session_id OR s.root_id = t.session_id OR s.parent_id = t.session_id)
   AND s.ended_at IS NULL
RETURNING s.id;
