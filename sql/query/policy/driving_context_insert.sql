INSERT INTO vpd_private.driving_context (relation, namespace, attribute)
VALUES ($1::regclass, $2, $3)
    ON CONFLICT DO NOTHING;
