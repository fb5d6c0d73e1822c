-- Whether a table has the guard as the library makes it.
SELECT
  FROM pg_policy p
 WHERE p.polrelid = $1
   AND p.polname = 'vpd_guard'
   AND NOT p.polpermissive
   AND p.polcmd = '*'
   AND p.polroles = '{0}'
   AND pg_get_expr(p.polqual, p.polrelid) = 'vpd.guard()'
   AND pg_get_expr(p.polwithcheck, p.polrelid) = 'vpd.guard()';
