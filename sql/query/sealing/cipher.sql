-- The function of pgcrypto that has a name ($1) in its library. Only a superuser can make a function of a library, and its owner is the one who made it.
SELECT f.oid
  FROM pg_proc f
  JOIN pg_roles o ON o.oid = f.proowner
 WHERE f.prosrc = $1
   AND f.probin = '$libdir/pgcrypto'
   AND f.prolang = 13
   AND f.prorettype = 'bytea'::regtype
   AND f.proargtypes = CAST('17 17 17 25' AS oidvector)
   AND NOT f.prosecdef
   AND f.proconfig IS NULL
   AND o.rolsuper
 ORDER BY f.oid
 LIMIT 1;
