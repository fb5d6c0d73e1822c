INSERT INTO vpd_private.sod_exception (rule_id, rule_name, user_name, reason, expires_at, requested_by, requested_persons)
SELECT $1, $2, $3, $4, $5, $6, $7
 WHERE $5::timestamptz > clock_timestamp()
   AND $5::timestamptz < 'infinity'
RETURNING id;
