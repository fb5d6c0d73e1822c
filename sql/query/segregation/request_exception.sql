-- A request, whether or not there are such a rule and user: who asks is not told. What it is about is what the rule says now.
INSERT INTO vpd_private.sod_exception (rule_id, rule_name, items, scope, user_name, reason, expires_at, requested_by, requested_persons)
SELECT r.id,
       $1,
       ARRAY(SELECT i.authority_id FROM vpd_private.sod_rule_item i WHERE i.rule_id = r.id ORDER BY i.authority_id),
       r.scope,
       $2,
       $3,
       $4,
       $5,
       $6
  FROM (SELECT) one
  LEFT JOIN vpd_private.sod_rule r ON r.name = $1
 WHERE $4::timestamptz > clock_timestamp()
   AND $4::timestamptz < 'infinity'
RETURNING id;
