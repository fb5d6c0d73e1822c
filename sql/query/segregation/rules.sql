-- The items of rules of the scopes global and unit, of those that can be held: rule, how many of them are allowed, whether only users of a unit count, item.
-- $1 rules (NULL: all).
SELECT r.id, r.at_most, r.scope = 'unit', i.authority_id
  FROM vpd_private.sod_rule r
  JOIN vpd_private.sod_rule_item i ON i.rule_id = r.id
  JOIN vpd_private.authority a ON a.id = i.authority_id AND a.dropped_at IS NULL AND a.is_enabled
 WHERE r.scope <> 'object'
   AND ($1::integer[] IS NULL OR r.id = ANY ($1))
 ORDER BY r.id;
