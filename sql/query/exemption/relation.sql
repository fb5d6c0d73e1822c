-- Whether a relation is a table of an application.
SELECT c.relkind IN ('r', 'p')
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'vpd', 'vpd_private')
       AND n.nspname NOT LIKE 'pg\_%'
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
