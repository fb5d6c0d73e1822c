-- The policies themselves.
WITH policy AS (
    SELECT p.*,
           t.name AS table_name,
           t.oid,
           format('%s on %s', quote_ident(p.policy_name), t.name) AS name,
           f.prosrc
      FROM vpd_private.policy p
      JOIN vpd_private.posture_table t ON t.oid = p.relation
      LEFT JOIN pg_namespace n ON n.nspname = p.function_schema
      LEFT JOIN pg_proc f ON f.pronamespace = n.oid AND f.proname = p.function_name AND f.proargtypes = '25 25'::oidvector
           AND f.prorettype = 'text'::regtype AND f.prokind = 'f' AND NOT f.proretset
)
SELECT 'high' AS severity,
       'only_disabled_policies' AS finding,
       p.table_name AS object,
       'whoever has a session sees every row that policies of PostgreSQL leave' AS detail,
       string_agg(format('SELECT vpd.enable_policy(%L, %L)', p.table_name, p.policy_name), '; ' ORDER BY p.policy_name) AS remedy
  FROM policy p
 GROUP BY p.table_name
HAVING NOT bool_or(p.is_enabled)
UNION ALL
SELECT 'low', 'disabled_policy', p.name, 'restricts nothing', format('SELECT vpd.enable_policy(%L, %L)', p.table_name, p.policy_name)
  FROM policy p
 WHERE NOT p.is_enabled
   AND EXISTS (SELECT FROM policy o WHERE o.oid = p.oid AND o.is_enabled)
UNION ALL
SELECT 'high',
       'select_not_covered',
       p.table_name,
       'no enabled policy restricts SELECT: whoever has a session reads every row that policies of PostgreSQL leave',
       format(
           'SELECT vpd.alter_policy(%L, %L, statement_types => %L)',
           p.table_name, min(p.policy_name), '{select,insert,update,delete}'
       )
  FROM policy p
 WHERE p.is_enabled
 GROUP BY p.table_name
HAVING NOT bool_or('select' = ANY (p.statement_types))
UNION ALL
SELECT 'low',
       'new_rows_unchecked',
       p.name,
       'a session may write rows that it cannot see afterwards',
       format('SELECT vpd.alter_policy(%L, %L, update_check => true)', p.table_name, p.policy_name)
  FROM policy p
 WHERE p.is_enabled
   AND NOT p.is_update_checked
   AND p.statement_types && ARRAY['insert', 'update']
UNION ALL
SELECT 'medium',
       'policy_function_missing',
       p.name,
       'every statement on the table fails until the function is there again',
       format('SELECT vpd.alter_policy(%L, %L, predicate => %L)', p.table_name, p.policy_name, 'false')
  FROM policy p
 WHERE p.is_enabled
   AND p.function_name IS NOT NULL
   AND p.prosrc IS NULL
UNION ALL
SELECT 'medium',
       'static_reads_context',
       p.name,
       'its function runs once in a connection and may read whose session it is: the next session may get the predicate of the first',
       format('SELECT vpd.alter_policy(%L, %L, kind => %L)', p.table_name, p.policy_name, 'context_sensitive')
  FROM policy p
 WHERE p.is_enabled
   AND p.kind IN ('static', 'shared_static')
   AND regexp_replace(p.prosrc, '''[^'']*''', '', 'g')
       ~* '\m(user_name|session_id|attribute|attribute_list|user_in_role|has_privilege|has_resource|sys_context|current_setting|session_user|current_user)\M'
UNION ALL
SELECT 'info',
       'predicate_without_index',
       p.name,
       'no index begins with a column of the predicate: each statement reads the whole table',
       format('CREATE INDEX ON %s (%I)', p.table_name, (array_agg(a.attname ORDER BY strpos(p.predicate, a.attname), a.attnum))[1])
  FROM policy p
  JOIN pg_class c ON c.oid = p.oid
  JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
   -- Without its strings; what stands between double quotes is a name.
   AND regexp_replace(p.predicate, '("([^"]|"")*")|''[^'']*''', '\1', 'g')
       ~ format(
           '(^|[^[:alnum:]_.])("?%s"?\.)?"?%s"?($|[^[:alnum:]_(])',
           vpd_private.as_pattern(c.relname),
           vpd_private.as_pattern(a.attname)
       )
 WHERE p.is_enabled
   AND p.predicate IS NOT NULL
   AND c.reltuples NOT BETWEEN 0 AND 1000
 GROUP BY p.oid, p.name, p.table_name, p.predicate
HAVING NOT EXISTS (
           SELECT FROM pg_index i WHERE i.indrelid = p.oid AND i.indpred IS NULL AND i.indkey[0] = ANY (array_agg(a.attnum))
       );
