-- The policies of a table, disabled ones included, with the function behind each as it stands now.
SELECT p.policy_name,
       p.predicate,
       p.function_name IS NOT NULL,
       (SELECT f.oid
          FROM pg_proc f
          JOIN pg_namespace n ON n.oid = f.pronamespace
         WHERE n.nspname = p.function_schema
           AND f.proname = p.function_name
           AND f.proargtypes = '25 25'::oidvector
           AND f.prorettype = 'text'::regtype
           AND f.prokind = 'f'
           AND NOT f.proretset),
       p.kind,
       p.statement_types,
       p.is_update_checked,
       p.is_enabled
  FROM vpd_private.policy p
 WHERE p.relation = $1::regclass
 ORDER BY p.policy_name;
