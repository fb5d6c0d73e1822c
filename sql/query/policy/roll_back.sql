-- Gives a policy the definition of a former version.
WITH changed AS (
    UPDATE vpd_private.policy p
       SET predicate = w.predicate,
           function_schema = w.function_schema,
           function_name = w.function_name,
           kind = w.kind,
           statement_types = w.statement_types,
           is_update_checked = w.is_update_checked,
           is_enabled = w.is_enabled,
           relevant_columns = w.relevant_columns,
           is_masking = w.is_masking,
           associations = w.associations,
           version = p.version + 1,
           altered_at = clock_timestamp()
      FROM vpd_private.policy_version v
     CROSS JOIN LATERAL jsonb_populate_record(NULL::vpd_private.policy, v.definition) w
     WHERE p.relation = $1::regclass
       AND p.policy_name = $2
       AND v.relation = p.relation
       AND v.policy_name = p.policy_name
       AND v.version = $3
    RETURNING p.*
), kept AS (
    INSERT INTO vpd_private.policy_version (relation, policy_name, version, change, definition)
    SELECT relation, policy_name, version, 'rolled back', to_jsonb(c) - '{relation,policy_name,version,created_by,created_at,altered_at}'::text[]
      FROM changed c
)
SELECT FROM changed;
