-- Schema and name of a function, whether it can be a handler, and its owner.
SELECT n.nspname::text,
       f.proname::text,
       f.proargtypes = '25 25 25'::oidvector AND f.prorettype = 'void'::regtype AND f.prokind = 'f',
       pg_get_userbyid(f.proowner)::text
  FROM pg_proc f
  JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE f.oid = $1;
