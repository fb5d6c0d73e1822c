INSERT INTO vpd_private.unit (name, parent, description)
VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET parent = excluded.parent, description = coalesce(excluded.description, unit.description)
 WHERE unit.parent IS DISTINCT FROM excluded.parent
    OR (excluded.description IS NOT NULL AND unit.description IS DISTINCT FROM excluded.description);
