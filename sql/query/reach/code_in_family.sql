-- Code of roles that are no superusers that is handed stored values of a table, its partitions and children: by partition keys and by types of
-- columns. $1: the table.
WITH RECURSIVE family AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relation
)
SELECT format('the partition key of "%s"', k.relation::regclass)
  FROM family f
  JOIN vpd_private.plain_partition_key k ON k.relation = f.relation
UNION ALL
SELECT format('the type of column "%s" of "%s"', a.attname, a.attrelid::regclass)
  FROM family f
  JOIN pg_attribute a ON a.attrelid = f.relation AND a.attnum > 0 AND NOT a.attisdropped
  JOIN vpd_private.plain_type y ON y.type = a.atttypid
 WHERE a.attinhcount = 0
    OR f.relation = $1::oid
 ORDER BY 1;
