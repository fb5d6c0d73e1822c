-- A partition key of a table, or above it, that calls code of a role that is no superuser. $1: the table.
WITH RECURSIVE above AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.relation
)
SELECT format('the partition key of "%s"', a.relation::regclass)
  FROM above a
  JOIN vpd_private.plain_partition_key k ON k.relation = a.relation
 LIMIT 1;
