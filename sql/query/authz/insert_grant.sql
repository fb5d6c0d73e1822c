INSERT INTO vpd_private.authority_grant (holder_id, granted_id, valid_from, valid_until, reason, granted_by)
SELECT $1, $2, span.valid_from, span.valid_until, $5, $6
  FROM (SELECT coalesce($3::timestamptz, clock_timestamp()) AS valid_from, coalesce($4::timestamptz, 'infinity') AS valid_until) span
 WHERE span.valid_from < span.valid_until
   AND span.valid_until > clock_timestamp();
