-- What kind of relation an OID is, whether it belongs to the system, and whether it can be read through an unprotected parent.
SELECT c.relkind::text,
       c.relpersistence::text,
       n.nspname::text,
       c.relname::text,
       n.nspname IN ('pg_catalog', 'information_schema', 'vpd', 'vpd_private') OR n.nspname LIKE 'pg\_toast%',
       EXISTS (
           SELECT FROM pg_inherits i
            WHERE i.inhrelid = c.oid
              AND NOT EXISTS (SELECT FROM vpd_private.protected_table t WHERE t.relation = i.inhparent)
       )
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
