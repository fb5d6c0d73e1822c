-- Templates of data roles as definitions.
SELECT jsonb_build_object(
           'name', t.name,
           'base_role', t.base_role,
           'hierarchy', t.hierarchy,
           'level', t.level,
           'name_pattern', t.name_pattern
       )
  FROM vpd_private.data_role_template t
 ORDER BY t.name COLLATE "C";
