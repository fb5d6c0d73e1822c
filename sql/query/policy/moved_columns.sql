-- Names of protected tables that have come to mean another column.
SELECT n.nspname || '.' || r.relname,
       c.column_name::text
  FROM vpd_private.protected_column c
  JOIN vpd_private.protected_table t ON t.relation = c.relation
  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name AND NOT a.attisdropped
  JOIN pg_class r ON r.oid = c.relation
  JOIN pg_namespace n ON n.oid = r.relnamespace
 WHERE a.attnum <> c.column_number;
