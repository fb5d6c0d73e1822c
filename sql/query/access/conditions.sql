-- Audit policies with a condition: table with its name, condition, what to call the policy, and the statement that drops it.
SELECT p.relation::oid,
       c.relname::text,
       p.condition,
       format('%s on %I.%I', p.policy_name, n.nspname, c.relname),
       format('SELECT vpd.drop_audit_policy(%L, %L)', format('%I.%I', n.nspname, c.relname), p.policy_name)
  FROM vpd_private.audit_policy p
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE p.condition IS NOT NULL
   AND p.is_enabled
 ORDER BY 4;
