INSERT INTO vpd_private.policy_shadow
       (relation, policy_name, predicate, function_schema, function_name, kind, statement_types, is_update_checked, relevant_columns)
VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (relation, policy_name) DO UPDATE
       SET predicate = excluded.predicate,
           function_schema = excluded.function_schema,
           function_name = excluded.function_name,
           kind = excluded.kind,
           statement_types = excluded.statement_types,
           is_update_checked = excluded.is_update_checked,
           relevant_columns = excluded.relevant_columns,
           created_by = session_user,
           created_at = clock_timestamp();
