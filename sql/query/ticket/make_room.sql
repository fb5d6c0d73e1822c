-- Takes the oldest open ticket of a session ($1) away.
DELETE FROM vpd_private.ticket
 WHERE ticket_hash = (
           SELECT k.ticket_hash
             FROM vpd_private.ticket k
            WHERE k.session_id = $1
              AND k.expires_at > clock_timestamp()
            ORDER BY k.issued_at
            LIMIT 1
       );
