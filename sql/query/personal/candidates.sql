-- Columns in the clear of a table ($1), or of all tables of the application for NULL, that could hold personal data; whether they are dates; and the query for some of their values ($2 rows), of those that are not long.
SELECT c.oid,
       a.attname::text,
       a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype),
       format('SELECT %1$I::text FROM ONLY %2$I.%3$I WHERE pg_column_size(%1$I) <= 2000 LIMIT %4$s', a.attname, n.nspname, c.relname, $2::integer)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE ($1::oid IS NULL OR c.oid = $1)
   AND c.relkind IN ('r', 'm')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND t.typnamespace = 'pg_catalog'::regnamespace
   AND (t.typcategory = 'S' OR t.oid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype, 'int8'::regtype, 'numeric'::regtype))
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'vpd', 'vpd_private', 'dbms_rls', 'dbms_fga', 'dbms_session')
   AND NOT pg_is_other_temp_schema(n.oid)
 ORDER BY n.nspname, c.relname, a.attnum;
