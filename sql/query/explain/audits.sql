-- Audit policies of a table and of what it is a part of that ask for one of these commands. $1 the table, $2 commands.
WITH RECURSIVE line AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN line l ON i.inhrelid = l.relation
)
SELECT p.policy_name,
       p.mode,
       p.columns,
       p.condition
  FROM line l
  JOIN vpd_private.audit_policy p ON p.relation = l.relation::regclass
 WHERE p.is_enabled
   AND p.commands && $2
 ORDER BY p.policy_name;
