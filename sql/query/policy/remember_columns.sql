-- Remembers which columns the names of protected tables mean; forgets what is known of tables that are protected no longer. Waits for nobody: what others
-- are forgetting is left to them, and what is written is about tables that the transaction has locked.
WITH forgotten AS (
    DELETE FROM vpd_private.protected_column c
     USING (
               SELECT k.relation, k.column_name
                 FROM vpd_private.protected_column k
                WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table t WHERE t.relation = k.relation)
                  FOR UPDATE SKIP LOCKED
           ) gone
     WHERE c.relation = gone.relation
       AND c.column_name = gone.column_name
), named AS (
    SELECT t.relation,
           a.attname,
           a.attnum
      FROM vpd_private.protected_table t
      JOIN pg_attribute a ON a.attrelid = t.relation
     WHERE a.attnum > 0
       AND NOT a.attisdropped
), meant AS (
    -- In a restored table a name that was given up before means the column that had it, and no other that has it by now.
    SELECT f.relation,
           f.column_name,
           coalesce(n.attnum, 0) AS column_number
      FROM vpd_private.former_column f
      LEFT JOIN named n ON n.relation = f.relation AND n.attname = f.present_name
    UNION ALL
    SELECT n.relation,
           n.attname,
           n.attnum
      FROM named n
     WHERE NOT EXISTS (SELECT FROM vpd_private.former_column f WHERE f.relation = n.relation AND f.column_name = n.attname)
)
INSERT INTO vpd_private.protected_column (relation, column_name, column_number)
SELECT m.relation,
       m.column_name,
       m.column_number
  FROM meant m
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_column c WHERE c.relation = m.relation AND c.column_name = m.column_name)
    ON CONFLICT DO NOTHING;
