-- Kind, persistence and name of a relation; whether it belongs to the system; whether it is a partition or child of another.
SELECT c.relkind::text,
       c.relpersistence::text,
       format('%I.%I', n.nspname, c.relname),
       n.nspname IN ('pg_catalog', 'information_schema', 'vpd', 'vpd_private') OR n.nspname LIKE 'pg\_toast%',
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
