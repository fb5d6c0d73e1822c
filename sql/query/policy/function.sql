-- Schema and name of a function, and whether it can serve as a policy function.
SELECT n.nspname::text,
       f.proname::text,
       f.proargtypes = '25 25'::oidvector AND f.prorettype = 'text'::regtype AND f.prokind = 'f' AND NOT f.proretset
  FROM pg_proc f
  JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE f.oid = $1;
