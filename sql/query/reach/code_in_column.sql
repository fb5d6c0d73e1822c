-- The row type of a table in which a column has a type with code of a role that is no superuser. $1: the table; $2: the column.
SELECT c.reltype
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN vpd_private.plain_type y ON y.type = a.atttypid
 WHERE a.attrelid = $1::oid
   AND a.attname = $2
 LIMIT 1;
