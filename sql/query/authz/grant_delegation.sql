INSERT INTO vpd_private.delegation (actor, subject, with_full_authority, valid_from, valid_until, reason, granted_by)
SELECT $1, $2, $3, span.valid_from, span.valid_until, $6, $7
  FROM (SELECT coalesce($4::timestamptz, clock_timestamp()) AS valid_from, coalesce($5::timestamptz, 'infinity') AS valid_until) span
 WHERE span.valid_from < span.valid_until
   AND span.valid_until > clock_timestamp()
RETURNING id;
