-- What needs an organization unit: one below it, a user, a rule that keeps duties apart.
SELECT 'unit ' || u.name
  FROM vpd_private.unit u
 WHERE u.parent = $1
 UNION ALL
SELECT a.kind || ':' || a.name
  FROM vpd_private.user_account c
  JOIN vpd_private.authority a ON a.id = c.user_id AND a.dropped_at IS NULL
 WHERE c.unit = $1
 UNION ALL
SELECT 'rule ' || r.name
  FROM vpd_private.sod_rule r
 WHERE r.unit = $1
 LIMIT 1;
