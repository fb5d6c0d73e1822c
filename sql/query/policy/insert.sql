INSERT INTO vpd_private.policy
       (relation, policy_name, predicate, function_schema, function_name, kind, statement_types, is_update_checked, is_enabled)
VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (relation, policy_name) DO NOTHING;
