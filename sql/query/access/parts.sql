-- Partitions and children of a relation, at whatever depth, with enabled audit policies of their own. $1 the relation.
WITH RECURSIVE part AS (
    SELECT i.inhrelid AS relation FROM pg_inherits i WHERE i.inhparent = $1
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN part p ON i.inhparent = p.relation
)
SELECT p.relation
  FROM part p
 WHERE EXISTS (SELECT FROM vpd_private.audit_policy a WHERE a.relation = p.relation::regclass AND a.is_enabled);
