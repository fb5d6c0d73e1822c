-- Remembers which columns the names of protected tables mean; forgets what is known of tables that are protected no longer.
WITH forgotten AS (
    DELETE FROM vpd_private.protected_column c
     WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table t WHERE t.relation = c.relation)
)
INSERT INTO vpd_private.protected_column (relation, column_name, column_number)
SELECT t.relation,
       a.attname,
       a.attnum
  FROM vpd_private.protected_table t
  JOIN pg_attribute a ON a.attrelid = t.relation
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND NOT EXISTS (SELECT FROM vpd_private.protected_column c WHERE c.relation = t.relation AND c.column_name = a.attname)
    ON CONFLICT DO NOTHING;
