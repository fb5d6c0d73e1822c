-- The command that closes a table on which row security was forced and not enabled. $1: the table; NULL: every table.
SELECT format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname),
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE ($1::oid IS NULL OR c.oid = $1)
   AND c.relforcerowsecurity
   AND NOT c.relrowsecurity
   AND c.relkind IN ('r', 'p');
