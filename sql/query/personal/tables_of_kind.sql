-- Tables that name persons of a kind ($1), their partitions too.
WITH RECURSIVE family AS (
    SELECT p.relation::oid AS member FROM vpd_private.person_column p WHERE p.kind = $1
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT c.oid
  FROM family f
  JOIN pg_class c ON c.oid = f.member AND c.relkind = 'r'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT pg_is_other_temp_schema(n.oid)
 ORDER BY n.nspname, c.relname;
