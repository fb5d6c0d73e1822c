-- A request, whether or not there are such a rule and user: who asks is not told.
INSERT INTO vpd_private.sod_exception (rule_id, rule_name, user_name, reason, expires_at, requested_by, requested_persons)
SELECT (SELECT r.id FROM vpd_private.sod_rule r WHERE r.name = $1), $1, $2, $3, $4, $5, $6
 WHERE $4::timestamptz > clock_timestamp()
   AND $4::timestamptz < 'infinity'
RETURNING id;
