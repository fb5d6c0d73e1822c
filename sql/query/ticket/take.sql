-- Takes a ticket: one statement, so that whatever the concurrency one redeemer has it. Returns its session, who asked for it, and in which era.
DELETE FROM vpd_private.ticket
 WHERE ticket_hash = $1
   AND target_app = $2
   AND challenge = $3
   AND expires_at > clock_timestamp()
RETURNING session_id, source_app, made_in;
