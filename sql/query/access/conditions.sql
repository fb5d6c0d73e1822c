-- Audit policies with a condition: table with its name, policy, condition.
SELECT p.relation::oid,
       format('%I.%I', n.nspname, c.relname),
       c.relname::text,
       p.policy_name,
       p.condition
  FROM vpd_private.audit_policy p
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE p.condition IS NOT NULL
   AND p.is_enabled
 ORDER BY 2, 4;
