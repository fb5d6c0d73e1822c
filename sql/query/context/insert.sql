INSERT INTO vpd_private.application_context (namespace, function_schema, function_name, function_arguments, function_owner, is_global)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (namespace) DO NOTHING;
