-- Records in their order. $1 behind which, $2 up to which, $3 how many at most. Returns number, time, the texts and numbers in the order in which they are read, hashes,
-- salt, and whether the personal part is there and, once erased, says nothing.
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
       p.salt,
       -- What was erased shows pseudonyms alone, and the row stays.
       p.sequence IS NOT NULL
           AND (p.salt IS NOT NULL
                OR (p.client_address IS NULL AND p.statement IS NULL AND p.details IS NULL
                    AND NOT EXISTS (
                            SELECT
                              FROM unnest(ARRAY[p.user_name, p.audit_identity, p.actors::jsonb ->> 0]) n (name)
                             WHERE n.name IS NOT NULL
                               AND NOT EXISTS (SELECT FROM vpd_private.pseudonym k WHERE k.pseudonym = n.name AND k.erased_at IS NOT NULL)
                        )
                    AND coalesce(jsonb_array_length(p.actors::jsonb), 0) <= 1))
  FROM vpd_private.audit_record r
  LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at
 WHERE r.sequence > $1
   AND r.sequence <= $2
 ORDER BY r.sequence
 LIMIT $3;
