-- Whether an actor may act for a user now: with full authority, and until when the answer holds. No row: he may not by a delegation.
SELECT bool_or(d.with_full_authority),
       min(d.valid_until)
  FROM vpd_private.delegation d
 WHERE (d.actor = 'user:' || $1 OR (d.actor LIKE 'role:%' AND substr(d.actor, 6) = ANY ($2)))
   AND (d.subject IS NULL OR d.subject = 'user:' || $3 OR (d.subject LIKE 'role:%' AND substr(d.subject, 6) = ANY ($4)))
   AND d.valid_from <= clock_timestamp()
   AND clock_timestamp() < d.valid_until
HAVING count(*) > 0;
