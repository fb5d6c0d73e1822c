-- A table under policy, and which of its defences stand: row security, that it is forced, the guard.
SELECT format('%I.%I', n.nspname, c.relname),
       c.relrowsecurity,
       c.relforcerowsecurity,
       EXISTS (
           SELECT FROM pg_policy p
            WHERE p.polrelid = c.oid
              AND p.polname = 'vpd_guard'
              AND NOT p.polpermissive
              AND p.polcmd = '*'
              AND p.polroles = '{0}'
              AND pg_get_expr(p.polqual, p.polrelid) = 'vpd.guard()'
              AND pg_get_expr(p.polwithcheck, p.polrelid) = 'vpd.guard()'
       )
  FROM vpd_private.protected_table t
  JOIN pg_class c ON c.oid = t.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.relation = $1::regclass;
