-- What kind of relation an OID is, and its name as it is written.
SELECT format('%I.%I', n.nspname, c.relname),
       c.relkind IN ('r', 'p')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
