-- The open delegations of an actor for a subject.
SELECT d.id
  FROM vpd_private.delegation d
 WHERE d.actor = $1
   AND d.subject IS NOT DISTINCT FROM $2
   AND d.with_full_authority = $3
   AND d.valid_until > clock_timestamp();
