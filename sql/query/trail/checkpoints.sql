-- Checkpoints in their order, with the keys that signed them. $1 from which record, $2 up to which, $3 how many at most.
SELECT c.sequence, c.hash, c.made_at, c.signature, k.key
  FROM vpd_private.audit_checkpoint c
  LEFT JOIN vpd_private.signing_key k ON k.kid = c.kid
 WHERE c.sequence BETWEEN $1 AND $2
 ORDER BY c.sequence
 LIMIT $3;
