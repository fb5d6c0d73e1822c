-- The policies of a table with what decides where they apply, disabled ones included.
SELECT p.policy_name,
       p.policy_group,
       p.kind,
       p.statement_types,
       p.is_enabled,
       p.relevant_columns,
       p.is_masking,
       CASE WHEN p.function_name IS NULL THEN 'template' ELSE format('%I.%I', p.function_schema, p.function_name) END,
       p.is_update_checked
  FROM vpd_private.policy p
 WHERE p.relation = $1::regclass
 ORDER BY p.policy_name;
