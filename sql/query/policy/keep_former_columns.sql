-- Writes down, for a dump, the names that were given up, and what their columns are called now.
WITH given_up AS (
    SELECT c.relation,
           c.column_name,
           a.attname AS present_name
      FROM vpd_private.protected_column c
      JOIN vpd_private.protected_table t ON t.relation = c.relation
      LEFT JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.column_number AND NOT a.attisdropped
     WHERE a.attname IS DISTINCT FROM c.column_name
), given_back AS (
    DELETE FROM vpd_private.former_column f
     WHERE EXISTS (SELECT FROM vpd_private.protected_column c WHERE c.relation = f.relation AND c.column_name = f.column_name)
       AND NOT EXISTS (SELECT FROM given_up g WHERE g.relation = f.relation AND g.column_name = f.column_name)
)
INSERT INTO vpd_private.former_column AS f (relation, column_name, present_name)
SELECT relation,
       column_name,
       present_name
  FROM given_up
    ON CONFLICT (relation, column_name) DO UPDATE
   SET present_name = excluded.present_name
 WHERE f.present_name IS DISTINCT FROM excluded.present_name;
