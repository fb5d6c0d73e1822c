-- Kinds of tasks as definitions, each with the parts that allow its actions and show its attributes.
SELECT jsonb_build_object(
           'name', t.name,
           'description', t.description,
           'actions', (SELECT jsonb_object_agg(r.name, r.task_roles) FROM vpd_private.task_right r WHERE r.task_type = t.name AND r.kind = 'action'),
           'content', (SELECT jsonb_object_agg(r.name, r.task_roles) FROM vpd_private.task_right r WHERE r.task_type = t.name AND r.kind = 'content')
       )
  FROM vpd_private.task_type t
 ORDER BY t.name COLLATE "C";
