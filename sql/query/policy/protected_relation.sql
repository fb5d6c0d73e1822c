-- Schema and name of a protected table; no row for another.
SELECT n.nspname::text,
       c.relname::text
  FROM vpd_private.protected_table t
  JOIN pg_class c ON c.oid = t.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.relation = $1::regclass;
