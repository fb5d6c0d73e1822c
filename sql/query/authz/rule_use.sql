-- A rule of duties that names what is to be dropped ($1): without it the rule would keep less apart than it says.
SELECT 'rule ' || r.name
  FROM vpd_private.sod_rule_item i
  JOIN vpd_private.sod_rule r ON r.id = i.rule_id
 WHERE i.authority_id = $1
 LIMIT 1;
