-- For whom and by whom an exception was asked for that waits for a decision; of a rule and for a user that there are.
SELECT e.user_name, e.requested_persons
  FROM vpd_private.sod_exception e
  JOIN vpd_private.sod_rule r ON r.id = e.rule_id AND r.scope = e.scope
  JOIN vpd_private.authority u ON u.kind = 'user' AND u.name = e.user_name AND u.dropped_at IS NULL
 WHERE e.id = $1
   AND e.approved_at IS NULL
   AND e.revoked_at IS NULL
   AND e.expires_at > clock_timestamp();
