-- Views, materialized views, rules and triggers over protected tables.
WITH RECURSIVE reader AS (
    SELECT w.ev_class AS oid, t.oid AS relation, w.rulename
      FROM vpd_private.posture_table t
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_class <> t.oid
    UNION
    SELECT w.ev_class, r.relation, w.rulename
      FROM reader r
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_class <> r.oid
), view AS (
    SELECT DISTINCT
           format('%I.%I', n.nspname, c.relname) AS name,
           c.relkind,
           o.rolname AS owner,
           o.rolsuper OR o.rolbypassrls AS is_above,
           coalesce(option.is_invoker, false) AS is_invoker,
           coalesce(option.is_barrier, false) AS is_barrier,
           r.rulename,
           t.name AS table_name
      FROM reader r
      JOIN vpd_private.posture_table t ON t.oid = r.relation
      JOIN pg_class c ON c.oid = r.oid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_authid o ON o.oid = c.relowner
     CROSS JOIN LATERAL (
           SELECT bool_or(option_value::boolean) FILTER (WHERE option_name = 'security_invoker') AS is_invoker,
                  bool_or(option_value::boolean) FILTER (WHERE option_name = 'security_barrier') AS is_barrier
             FROM pg_options_to_table(c.reloptions)
            WHERE option_name IN ('security_invoker', 'security_barrier')
       ) option
     WHERE n.nspname NOT IN ('vpd', 'vpd_private')
)
SELECT 'critical' AS severity,
       'view_above_policies' AS finding,
       v.name AS object,
       format('shows every row of %s, as its owner %I sees them', min(v.table_name), v.owner) AS detail,
       format('ALTER VIEW %s SET (security_invoker = true, security_barrier = true)', v.name) AS remedy
  FROM view v
 WHERE v.relkind = 'v'
   AND v.is_above
   AND NOT v.is_invoker
 GROUP BY v.name, v.owner
UNION ALL
SELECT 'low',
       'view_plain',
       v.name,
       format('reads %s with the privileges of its owner, or lets conditions of its reader run before its own; policies apply', min(v.table_name)),
       format('ALTER VIEW %s SET (security_invoker = true, security_barrier = true)', v.name)
  FROM view v
 WHERE v.relkind = 'v'
   AND NOT (v.is_invoker AND v.is_barrier)
   AND NOT (v.is_above AND NOT v.is_invoker)
 GROUP BY v.name
UNION ALL
SELECT 'high',
       'materialized_view',
       v.name,
       format('stores rows of %s, as %I saw them, and shows them without policies', min(v.table_name), v.owner),
       format('DROP MATERIALIZED VIEW %s', v.name)
  FROM view v
 WHERE v.relkind = 'm'
 GROUP BY v.name, v.owner
UNION ALL
SELECT 'medium',
       'rule',
       format('%I on %s', v.rulename, v.name),
       format('reads or writes %s with the rights of %I', min(v.table_name), v.owner),
       format('DROP RULE %I ON %s', v.rulename, v.name)
  FROM view v
 WHERE v.relkind NOT IN ('v', 'm')
 GROUP BY v.rulename, v.name, v.owner
UNION ALL
SELECT 'medium', 'rule', format('%I on %s', w.rulename, t.name), 'acts on rows with the rights of the owner', format('DROP RULE %I ON %s', w.rulename, t.name)
  FROM vpd_private.posture_table t
  JOIN pg_rewrite w ON w.ev_class = t.oid
UNION ALL
SELECT CASE WHEN o.rolsuper OR o.rolbypassrls OR NOT p.prosecdef THEN 'low' ELSE 'medium' END,
       'trigger',
       format('%I on %s', g.tgname, t.name),
       format('the function %I.%I of %I sees every row that is written', n.nspname, p.proname, o.rolname),
       format('ALTER TABLE %s DISABLE TRIGGER %I', t.name, g.tgname)
  FROM vpd_private.posture_table t
  JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
  JOIN pg_proc p ON p.oid = g.tgfoid
  JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname <> 'vpd_private'
  JOIN pg_authid o ON o.oid = p.proowner;
