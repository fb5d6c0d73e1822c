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
     USING (
               SELECT k.relation, k.column_name
                 FROM vpd_private.former_column k
                WHERE EXISTS (SELECT FROM vpd_private.protected_column c WHERE c.relation = k.relation AND c.column_name = k.column_name)
                  AND NOT EXISTS (SELECT FROM given_up g WHERE g.relation = k.relation AND g.column_name = k.column_name)
                  FOR UPDATE SKIP LOCKED
           ) back
     WHERE f.relation = back.relation
       AND f.column_name = back.column_name
)
INSERT INTO vpd_private.former_column AS f (relation, column_name, present_name)
SELECT relation,
       column_name,
       present_name
  FROM given_up g
 WHERE NOT EXISTS (
           SELECT
             FROM vpd_private.former_column k
            WHERE k.relation = g.relation
              AND k.column_name = g.column_name
              AND k.present_name IS NOT DISTINCT FROM g.present_name
       )
    ON CONFLICT (relation, column_name) DO UPDATE
   SET present_name = excluded.present_name
 WHERE f.present_name IS DISTINCT FROM excluded.present_name;
