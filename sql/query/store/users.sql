-- Users as definitions: what each source tells of each.
SELECT jsonb_build_object(
           'name', a.name,
           'source', u.source,
           'display_name', u.display_name,
           'unit', u.unit,
           'manager', m.name,
           'attributes', u.attributes,
           'is_test', u.is_test,
           'enabled', a.is_enabled
       )
  FROM vpd_private.authority a
  LEFT JOIN vpd_private.user_account u ON u.user_id = a.id
  LEFT JOIN vpd_private.authority m ON m.id = u.manager_id AND m.dropped_at IS NULL
 WHERE a.kind = 'user'
   AND a.dropped_at IS NULL
 ORDER BY a.name COLLATE "C", u.source COLLATE "C";
