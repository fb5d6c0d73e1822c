INSERT INTO vpd_private.privilege_detail (privilege_id, resource, action, mode)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (privilege_id) DO UPDATE SET mode = excluded.mode
 WHERE $5 AND privilege_detail.mode <> excluded.mode;
