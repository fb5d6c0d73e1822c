-- The command that closes a table on which row security was forced and not enabled.
SELECT format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname),
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1
   AND c.relforcerowsecurity
   AND NOT c.relrowsecurity
   AND c.relkind IN ('r', 'p');
