-- Code of roles that are no superusers in what joined a protected family: partition keys of it, above it and below it; types of columns that it
-- has from no parent and that are not under policy yet. $1: what joined.
WITH RECURSIVE above AS (
    SELECT unnest($1::oid[]) AS relation
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.relation
), below AS (
    SELECT i.inhrelid AS relation
      FROM pg_inherits i
      JOIN vpd_private.protected_table t ON t.relation = i.inhparent
     WHERE i.inhrelid = ANY ($1::oid[])
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN below b ON i.inhparent = b.relation
)
SELECT format('the partition key of "%s"', k.relation::regclass)
  FROM vpd_private.plain_partition_key k
 WHERE EXISTS (SELECT FROM below)
   AND (k.relation IN (SELECT a.relation FROM above a) OR k.relation IN (SELECT b.relation FROM below b))
UNION ALL
SELECT format('the type of column "%s" of "%s"', a.attname, a.attrelid::regclass)
  FROM below b
  JOIN pg_attribute a ON a.attrelid = b.relation AND a.attnum > 0 AND a.attinhcount = 0 AND NOT a.attisdropped
  JOIN vpd_private.plain_type y ON y.type = a.atttypid
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table t WHERE t.relation = b.relation)
 ORDER BY 1;
