-- Schemas of what policies and masks name. Names are looked up each time, and whoever owns a schema may drop what others own in it.
WITH expression AS (
    SELECT relation, predicate AS text FROM vpd_private.policy WHERE predicate IS NOT NULL
    UNION ALL
    SELECT relation, format('%I.%I(', function_schema, function_name) FROM vpd_private.policy WHERE function_name IS NOT NULL
    UNION ALL
    SELECT relation, mask FROM vpd_private.mask
    UNION ALL
    SELECT relation, visible_when FROM vpd_private.mask
), named AS (
    SELECT c.oid, c.relnamespace AS schema, c.relname AS name, c.relowner AS owner, format('%I.%I', n.nspname, c.relname) AS title
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid >= 16384
       AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT p.oid, p.pronamespace, p.proname, p.proowner, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid >= 16384
), schema AS (
    SELECT n.oid, n.nspname, r.oid AS owner, r.rolname
      FROM pg_namespace n
      JOIN pg_database d ON d.datname = current_database()
      JOIN pg_authid r ON r.oid = CASE WHEN n.nspowner = 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END
     WHERE NOT r.rolsuper
       AND NOT r.rolbypassrls
       -- Whoever may define policies needs no way around them.
       AND NOT EXISTS (
           SELECT FROM pg_proc p
            WHERE p.pronamespace = 'vpd'::regnamespace AND p.proname = 'add_policy' AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
       )
)
SELECT 'high' AS severity,
       'predicate_schema_open' AS finding,
       o.title AS object,
       format('%I owns its schema, may put another in its place, and so decide what is shown of %s', s.rolname, min(t.name)) AS detail,
       format('ALTER SCHEMA %I OWNER TO %I', s.nspname, (SELECT b.rolname FROM pg_authid b WHERE b.oid = 10)) AS remedy
  FROM schema s
  JOIN named o ON o.schema = s.oid AND o.owner <> s.owner
  JOIN vpd_private.posture_table t ON t.oid <> o.oid AND t.relowner <> s.owner
  JOIN expression e ON e.relation = t.oid
   AND e.text ~* (
           '(^|[^[:alnum:]_])"?' || regexp_replace(s.nspname, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*\.\s*"?'
           || regexp_replace(o.name, '([^[:alnum:]_])', '\\\1', 'g') || '($|[^[:alnum:]_])'
       )
 GROUP BY o.title, s.rolname, s.nspname;
