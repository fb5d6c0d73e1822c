-- Records in their order. $1 behind which, $2 up to which, $3 how many at most. Returns number, time, the texts and numbers in the order in which they are read, hashes,
-- salt.
SELECT r.sequence,
       r.recorded_at,
       r.event,
       r.verdict,
       r.database_role,
       r.code,
       r.session_id,
       r.app,
       r.relation,
       r.command,
       r.predicates,
       p.user_name,
       p.actors,
       p.audit_identity,
       p.client_address,
       p.statement,
       p.details,
       r.process_id,
       r.statement_id,
       r.row_count,
       r.transaction_id,
       r.personal_hash,
       r.hash,
       p.salt
  FROM vpd_private.audit_record r
  LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at
 WHERE r.sequence > $1
   AND r.sequence <= $2
 ORDER BY r.sequence
 LIMIT $3;
