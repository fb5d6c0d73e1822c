-- The audit trail: who could change it, what was lost, and audit policies that do not do what they were made for.
WITH policy AS (
    SELECT p.*, format('%I.%I', n.nspname, c.relname) AS table_name, format('%s on %I.%I', p.policy_name, n.nspname, c.relname) AS object
      FROM vpd_private.audit_policy p
      JOIN pg_class c ON c.oid = p.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT 'critical' AS severity,
       'trail_writable' AS finding,
       r.rolname::text AS object,
       'can add, change or remove records of the audit trail' AS detail,
       CASE
           WHEN pg_has_role(r.oid, 'pg_write_all_data', 'USAGE') THEN format('REVOKE pg_write_all_data FROM %I', r.rolname)
           ELSE format(
               'REVOKE ALL ON vpd_private.audit_record, vpd_private.audit_person, vpd_private.audit_state, vpd_private.audit_checkpoint FROM %I, PUBLIC',
               r.rolname
           )
       END AS remedy
  FROM pg_authid r
 WHERE NOT r.rolsuper
   AND r.rolname <> 'pg_write_all_data'
   AND EXISTS (
           SELECT
             FROM (
                      VALUES ('vpd_private.audit_record'::regclass),
                             ('vpd_private.audit_person'),
                             ('vpd_private.audit_state'),
                             ('vpd_private.audit_checkpoint')
                  ) t (oid)
            WHERE has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       )
UNION ALL
SELECT 'high',
       'records_lost',
       'audit trail',
       format('%s times in the last 30 days records found no room or could not be read, last at %s', count(*), max(r.recorded_at)),
       '-- raise vpd.audit_ring_size, and see that max_worker_processes leaves a slot for each database'
  FROM vpd_private.audit_record r
 WHERE r.event IN ('audit.gap', 'audit.lost')
   AND r.recorded_at > clock_timestamp() - interval '30 days'
HAVING count(*) > 0
UNION ALL
SELECT 'low',
       'audit_policy_disabled',
       p.object,
       'is switched off and records nothing',
       format('SELECT vpd.enable_audit_policy(%L, %L)', p.table_name, p.policy_name)
  FROM policy p
 WHERE NOT p.is_enabled
UNION ALL
SELECT 'low',
       'audit_column_missing',
       p.object,
       'names a column that is gone, and counts for every column until it is made anew',
       format('SELECT vpd.drop_audit_policy(%L, %L)', p.table_name, p.policy_name)
  FROM policy p
 WHERE EXISTS (
           SELECT
             FROM unnest(p.columns) c (name)
            WHERE NOT EXISTS (
                      SELECT FROM pg_attribute a WHERE a.attrelid = p.relation AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
                  )
       )
UNION ALL
SELECT 'medium',
       'audit_handler_missing',
       p.object,
       format('there is no function %I.%I (text, text, text) that it could call', p.handler_schema, p.handler_name),
       format('SELECT vpd.drop_audit_policy(%L, %L)', p.table_name, p.policy_name)
  FROM policy p
 WHERE p.handler_name IS NOT NULL
   AND NOT EXISTS (
           SELECT
             FROM pg_proc f
             JOIN pg_namespace s ON s.oid = f.pronamespace
            WHERE s.nspname = p.handler_schema
              AND f.proname = p.handler_name
              AND f.proargtypes = '25 25 25'::oidvector
              AND f.prorettype = 'void'::regtype
              AND f.prokind = 'f'
       );
