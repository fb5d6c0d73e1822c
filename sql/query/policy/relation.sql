-- What kind of relation an OID is.
SELECT c.relkind::text,
       c.relpersistence::text,
       n.nspname::text,
       c.relname::text,
       n.nspname IN ('pg_catalog', 'information_schema', 'vpd', 'vpd_private') OR n.nspname LIKE 'pg\_toast%',
       pg_has_role(session_user, c.relowner, 'USAGE')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
