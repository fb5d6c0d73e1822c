-- Audit policies as definitions.
SELECT jsonb_build_object(
           'relation', format('%I.%I', n.nspname, c.relname),
           'name', p.policy_name,
           'columns', p.columns,
           'all_columns', p.needs_all_columns,
           'condition', p.condition,
           'commands', p.commands,
           'mode', p.mode,
           'handler', CASE WHEN p.handler_name IS NOT NULL THEN format('%I.%I', p.handler_schema, p.handler_name) END,
           'statement_text', p.tells_statement,
           'enabled', p.is_enabled
       )
  FROM vpd_private.audit_policy p
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C", p.policy_name COLLATE "C";
