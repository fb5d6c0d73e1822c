-- Tables that are filtered by hierarchies, with what the policy that does it says now.
SELECT jsonb_build_object(
           'relation', format('%I.%I', n.nspname, c.relname),
           'filters', (
               SELECT jsonb_agg(jsonb_build_object('hierarchy', h.hierarchy, 'column', h.column_name))
                 FROM vpd_private.hierarchy_protection h
                WHERE h.relation = p.relation
                  AND h.policy_name = p.policy_name
           ),
           'predicate', p.predicate,
           'policy_function', CASE WHEN p.function_name IS NOT NULL THEN format('%I.%I', p.function_schema, p.function_name) END,
           'kind', p.kind,
           'statement_types', p.statement_types,
           'update_check', p.is_update_checked,
           'enabled', p.is_enabled,
           'relevant_columns', p.relevant_columns,
           'mask_columns', p.is_masking,
           'associations', p.associations
       )
  FROM vpd_private.policy p
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE EXISTS (SELECT FROM vpd_private.hierarchy_protection h WHERE h.relation = p.relation AND h.policy_name = p.policy_name)
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C";
