-- Versions go on where those of a dropped policy of the same name ended.
WITH added AS (
    INSERT INTO vpd_private.policy
           (relation, policy_name, predicate, function_schema, function_name, kind, statement_types, is_update_checked, is_enabled,
            policy_group, relevant_columns, is_masking, associations, version)
    SELECT $1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce(max(v.version), 0) + 1
      FROM vpd_private.policy_version v
     WHERE v.relation = $1::regclass
       AND v.policy_name = $2
        ON CONFLICT (relation, policy_name) DO NOTHING
    RETURNING *
), kept AS (
    INSERT INTO vpd_private.policy_version (relation, policy_name, version, change, definition)
    SELECT relation, policy_name, version, 'added', to_jsonb(a) - '{relation,policy_name,version,created_by,created_at,altered_at}'::text[]
      FROM added a
)
SELECT FROM added;
