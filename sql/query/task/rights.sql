SELECT task_type, kind, name, task_roles FROM vpd_private.task_right;
