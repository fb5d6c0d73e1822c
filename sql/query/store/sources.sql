-- Identity sources as definitions; the one that every database has only where it was changed.
SELECT jsonb_build_object('name', s.name, 'precedence', s.precedence, 'description', s.description)
  FROM vpd_private.identity_source s
 WHERE (s.name, s.precedence) <> ('local', 100)
 ORDER BY s.name COLLATE "C";
