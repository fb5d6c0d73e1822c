-- What the names mean from now on.
UPDATE vpd_private.protected_column c
   SET column_number = a.attnum
  FROM pg_attribute a
 WHERE a.attrelid = c.relation
   AND a.attname = c.column_name
   AND NOT a.attisdropped
   AND a.attnum <> c.column_number;
