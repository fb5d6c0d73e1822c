-- Stores a ticket of a live session, unless ten of it are open: $1 its hash, $2 the session, $3 the application that asks, $4 the one it is for, $5 the challenge,
-- $6 the era.
INSERT INTO vpd_private.ticket (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at, made_in)
SELECT $1::bytea, $2::uuid, $3, $4, $5::bytea, moment.now, moment.now + a.ticket_lifetime, $6::bigint
  FROM vpd_private.app a
 CROSS JOIN (SELECT clock_timestamp() AS now) moment
 WHERE a.name = $3
   AND (SELECT count(*) FROM vpd_private.ticket k WHERE k.session_id = $2 AND k.expires_at > clock_timestamp()) < 10;
