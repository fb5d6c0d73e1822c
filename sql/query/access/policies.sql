-- The enabled audit policies of a relation and of all that it is a part of. $1 the relation. A column that is gone counts as all columns: then more is recorded, not less.
WITH RECURSIVE line AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN line l ON i.inhrelid = l.relation
)
SELECT (SELECT array_agg(a.attnum ORDER BY a.attnum)
          FROM pg_attribute a
         WHERE a.attrelid = $1
           AND a.attname = ANY (p.columns::name[])
           AND NOT a.attisdropped
        HAVING count(*) = cardinality(p.columns)),
       p.commands,
       p.mode,
       p.relation::oid,
       n.nspname::text,
       c.relname::text,
       p.policy_name,
       p.condition,
       p.needs_all_columns,
       CASE WHEN p.handler_name IS NOT NULL THEN format('%I.%I', p.handler_schema, p.handler_name) END,
       handler.oid,
       p.tells_statement,
       handler.owner = p.handler_owner,
       (SELECT r.relkind IN ('r', 'p') FROM pg_class r WHERE r.oid = $1)
  FROM line l
  JOIN vpd_private.audit_policy p ON p.relation = l.relation::regclass
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT f.oid, pg_get_userbyid(f.proowner)::text AS owner
         FROM pg_proc f
         JOIN pg_namespace s ON s.oid = f.pronamespace
        WHERE s.nspname = p.handler_schema
          AND f.proname = p.handler_name
          AND f.proargtypes = '25 25 25'::oidvector
          AND f.prorettype = 'void'::regtype
          AND f.prokind = 'f'
  ) handler ON true
 WHERE p.is_enabled
 ORDER BY p.relation::oid, p.policy_name;
