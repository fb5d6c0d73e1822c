-- Rules of duties that somebody marked and that speak of one of these actions ($1).
SELECT 'sod_rule:' || r.name,
       r.seeded_by,
       NULL::text
  FROM vpd_private.authority a
  JOIN vpd_private.sod_rule_item i ON i.authority_id = a.id
  JOIN vpd_private.sod_rule r ON r.id = i.rule_id
 WHERE a.kind = 'privilege'
   AND a.name = ANY ($1::text[])
   AND a.dropped_at IS NULL
   AND r.seeded_by IS NOT NULL;
