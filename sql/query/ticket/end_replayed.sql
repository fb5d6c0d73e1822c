-- Ends what a ticket gave that is presented again, and what was handed over from that.
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = 'ticket_replayed'
  FROM vpd_private.ticket_tombstone b
 WHERE b.ticket_hash = $1
   AND (s.id = b.given_session_id OR s.root_id = b.given_session_id OR s.parent_id = b.given_session_id)
   AND s.ended_at IS NULL
RETURNING s.id;
