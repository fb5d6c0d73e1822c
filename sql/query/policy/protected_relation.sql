-- Schema and name of a table under policy, and whether it is protected in full: recorded, and with its guard. A table that is being restored
-- is not, nor is one that was restored alone; it shows nothing. No row for another table.
SELECT n.nspname::text,
       c.relname::text,
       t.relation IS NOT NULL AND g.oid IS NOT NULL
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN vpd_private.protected_table t ON t.relation = c.oid
  LEFT JOIN pg_policy g ON g.polrelid = c.oid AND g.polname = 'vpd_guard'
 WHERE c.oid = $1
   AND (t.relation IS NOT NULL OR g.oid IS NOT NULL);
