INSERT INTO vpd_private.sod_rule (name, at_most, scope, unit, description, defined_by)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (name) DO UPDATE
   SET at_most = excluded.at_most,
       scope = excluded.scope,
       unit = excluded.unit,
       description = excluded.description,
       defined_by = excluded.defined_by,
       defined_at = clock_timestamp()
RETURNING id;
