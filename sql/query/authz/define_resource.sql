INSERT INTO vpd_private.resource (name, kind, description)
VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, description = coalesce(excluded.description, resource.description)
 WHERE resource.kind <> excluded.kind
    OR (excluded.description IS NOT NULL AND resource.description IS DISTINCT FROM excluded.description);
