-- What a view, a materialized view or the rules of a table read of protected tables: whether rows are stored, its name, and whether it
-- reads them itself with rights of an owner that policies do not apply to. A view below reads with rights of its own.
WITH RECURSIVE reading AS (
    SELECT $1::oid AS relation, 0 AS depth
    UNION
    SELECT d.refobjid, least(r.depth + 1, 2)
      FROM reading r
      JOIN pg_rewrite w ON w.ev_class = r.relation
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.relation
)
SELECT c.relkind = 'm',
       n.nspname || '.' || c.relname,
       (a.rolsuper OR a.rolbypassrls)
           AND min(r.depth) = 1
           AND NOT coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_invoker'), false)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_authid a ON a.oid = c.relowner
  JOIN reading r ON r.depth > 0
  JOIN vpd_private.protected_table t ON t.relation = r.relation
 WHERE c.oid = $1
   AND r.relation <> $1
 GROUP BY c.oid, n.nspname, a.rolsuper, a.rolbypassrls;
