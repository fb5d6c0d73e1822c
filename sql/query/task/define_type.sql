INSERT INTO vpd_private.task_type AS t (name, description)
VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET description = excluded.description WHERE t.description IS DISTINCT FROM excluded.description;
