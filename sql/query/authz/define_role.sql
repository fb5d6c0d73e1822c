INSERT INTO vpd_private.role_detail (role_id, kind, rule)
VALUES ($1, $2, $3::jsonpath)
    ON CONFLICT (role_id) DO UPDATE SET kind = excluded.kind, rule = excluded.rule
 WHERE role_detail.kind <> excluded.kind OR role_detail.rule::text IS DISTINCT FROM excluded.rule::text
RETURNING role_id;
