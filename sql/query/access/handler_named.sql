-- The function of a schema and name that can be a handler.
SELECT f.oid
  FROM pg_proc f
  JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE n.nspname = $1
   AND f.proname = $2
   AND f.proargtypes = '25 25 25'::oidvector
   AND f.prorettype = 'void'::regtype
   AND f.prokind = 'f';
