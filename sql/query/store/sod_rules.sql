-- Rules that keep duties apart, as definitions.
SELECT jsonb_build_object(
           'name', r.name,
           'items', (SELECT coalesce(jsonb_agg(a.kind || ':' || a.name), '[]')
                       FROM vpd_private.sod_rule_item i
                       JOIN vpd_private.authority a ON a.id = i.authority_id AND a.dropped_at IS NULL
                      WHERE i.rule_id = r.id),
           'at_most', r.at_most,
           'scope', r.scope,
           'unit', r.unit,
           'description', r.description,
           'seeded_by', r.seeded_by
       )
  FROM vpd_private.sod_rule r
 ORDER BY r.name COLLATE "C";
