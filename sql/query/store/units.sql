-- Organization units as definitions.
SELECT jsonb_build_object('name', u.name, 'parent', u.parent, 'description', u.description)
  FROM vpd_private.unit u
 ORDER BY u.name COLLATE "C";
