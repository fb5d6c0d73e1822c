-- The policies of a table, disabled ones included, with the function behind each as it stands now. A column that is not there any
-- more gives NULL in place of the numbers: the policy then applies to every statement.
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
       p.is_enabled,
       p.policy_group,
       (SELECT array_agg(a.attnum ORDER BY a.attnum)
          FROM pg_attribute a
         WHERE a.attrelid = p.relation
           AND a.attname = ANY (p.relevant_columns::name[])
           AND NOT a.attisdropped
        HAVING count(*) = cardinality(p.relevant_columns)),
       p.is_masking,
       p.associations
  FROM vpd_private.policy p
 WHERE p.relation = $1::regclass
 ORDER BY p.policy_name;
