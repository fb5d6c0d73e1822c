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
       p.relation::oid
  FROM line l
  JOIN vpd_private.audit_policy p ON p.relation = l.relation::regclass
 WHERE p.is_enabled
 ORDER BY p.relation::oid, p.policy_name;
