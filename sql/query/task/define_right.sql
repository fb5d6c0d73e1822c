INSERT INTO vpd_private.task_right AS r (task_type, kind, name, task_roles)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (task_type, kind, name) DO UPDATE SET task_roles = excluded.task_roles WHERE r.task_roles IS DISTINCT FROM excluded.task_roles;
