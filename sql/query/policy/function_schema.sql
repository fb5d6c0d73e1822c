-- A row when the schema exists.
SELECT oid
  FROM pg_namespace
 WHERE nspname = $1;
