-- The items of rules of the scopes global and unit, of those that can be held: rule, how many of them are allowed, whether only users of a unit count, item.
-- $1 rules (NULL: all).
SELECT r.id, r.at_most, r.scope = 'unit', i.authority_id
  FROM unnest(coalesce($1::integer[], ARRAY(SELECT s.id FROM vpd_private.sod_rule s))) AS w (id)
  JOIN vpd_private.sod_rule r ON r.id = w.id AND r.scope <> 'object'
 CROSS JOIN LATERAL (SELECT i.authority_id FROM vpd_private.sod_rule_item i WHERE i.rule_id = r.id OFFSET 0) i
  JOIN vpd_private.authority a ON a.id = i.authority_id AND a.dropped_at IS NULL AND a.is_enabled
 ORDER BY r.id;
