INSERT INTO vpd_private.policy
       (relation, policy_name, predicate, function_schema, function_name, kind, statement_types, is_update_checked, is_enabled,
        policy_group, relevant_columns, is_masking, associations)
VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (relation, policy_name) DO NOTHING;
