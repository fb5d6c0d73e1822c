-- NULL leaves a property as it is; a predicate replaces a function and the reverse; no relevant column means all.
WITH changed AS (
    UPDATE vpd_private.policy
       SET predicate = CASE WHEN $4::text IS NOT NULL THEN NULL ELSE coalesce($3, predicate) END,
           function_schema = CASE WHEN $3::text IS NOT NULL THEN NULL ELSE coalesce($4, function_schema) END,
           function_name = CASE WHEN $3 IS NOT NULL THEN NULL ELSE coalesce($5, function_name) END,
           kind = coalesce($6, kind),
           statement_types = coalesce($7, statement_types),
           is_update_checked = coalesce($8, is_update_checked),
           is_enabled = coalesce($9, is_enabled),
           relevant_columns = CASE WHEN $10::text[] IS NULL THEN relevant_columns ELSE NULLIF($10, '{}') END,
           is_masking = coalesce($11, is_masking),
           version = version + 1,
           altered_at = clock_timestamp()
     WHERE relation = $1::regclass
       AND policy_name = $2
    RETURNING *
), kept AS (
    INSERT INTO vpd_private.policy_version (relation, policy_name, version, change, definition)
    SELECT relation, policy_name, version, 'altered', to_jsonb(c) - '{relation,policy_name,version,created_by,created_at,altered_at}'::text[]
      FROM changed c
)
SELECT FROM changed;
