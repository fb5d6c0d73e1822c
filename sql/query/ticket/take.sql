-- Takes a ticket: one statement, so that whatever the concurrency one redeemer has it. Returns its session, whose that is, and who is logged in.
DELETE FROM vpd_private.ticket k
 USING vpd_private.session s,
       vpd_private.session r
 WHERE k.ticket_hash = $1
   AND k.target_app = $2
   AND k.challenge = $3
   AND k.expires_at > clock_timestamp()
   AND k.made_in = (
           SELECT coalesce(sum(e.generation), 0)
             FROM vpd_private.session_era e
            WHERE e.subject IN (sha256(convert_to('app:' || k.source_app, 'UTF8')), sha256(convert_to('app:' || k.target_app, 'UTF8')))
       )
   AND s.id = k.session_id
   AND r.id = s.root_id
RETURNING s.id, s.user_name, r.user_name;
