-- What it was before is kept. A row with the rule, as the server writes it, when something changed.
WITH written AS (
    INSERT INTO vpd_private.role_detail (role_id, kind, rule)
    VALUES ($1, $2, $3::jsonpath)
        ON CONFLICT (role_id) DO UPDATE SET kind = excluded.kind, rule = excluded.rule
     WHERE role_detail.kind <> excluded.kind OR role_detail.rule::text IS DISTINCT FROM excluded.rule::text
    RETURNING role_id, rule
), kept AS (
    -- Reads what was there before this statement.
    INSERT INTO vpd_private.role_history (role_id, kind, rule)
    SELECT r.role_id, r.kind, r.rule
      FROM written
      JOIN vpd_private.role_detail r USING (role_id)
)
SELECT rule::text FROM written;
