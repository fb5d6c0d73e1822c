-- Identity sources as definitions.
SELECT jsonb_build_object('name', s.name, 'precedence', s.precedence, 'description', s.description)
  FROM vpd_private.identity_source s
 ORDER BY s.name COLLATE "C";
