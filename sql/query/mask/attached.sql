-- A table with masks of its own that became a partition or child: through its parent its columns would be read without them. $1: what just did.
SELECT c.relname::text
  FROM vpd_private.mask m
  JOIN pg_class c ON c.oid = m.relation
 WHERE m.relation = ANY ($1::oid[])
   AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = m.relation)
 LIMIT 1;
