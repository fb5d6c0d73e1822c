INSERT INTO vpd_private.global_context (namespace, username, client_id, attribute, value)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (namespace, username, client_id, attribute) DO UPDATE SET value = excluded.value
 WHERE global_context.value IS DISTINCT FROM excluded.value;
