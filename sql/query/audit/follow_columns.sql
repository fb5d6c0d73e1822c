-- Follows renamed columns, and forgets tables that were dropped.
WITH dropped AS (
    DELETE FROM vpd_private.tracked_table t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), dropped_column AS (
    DELETE FROM vpd_private.tracked_column t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), dropped_action AS (
    DELETE FROM vpd_private.protected_action t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), renamed AS (
    UPDATE vpd_private.protected_action t
       SET column_name = a.attname
      FROM pg_attribute a
     WHERE a.attrelid = t.relation
       AND a.attnum = t.column_number
       AND NOT a.attisdropped
       AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = t.relation AND n.attname = t.column_name AND NOT n.attisdropped)
), renamed_key AS (
    UPDATE vpd_private.protected_action t
       SET key_columns = ARRAY(
               SELECT coalesce(a.attname, k.name)
                 FROM unnest(t.key_columns, t.key_numbers) WITH ORDINALITY AS k (name, number, place)
                 LEFT JOIN pg_attribute a
                   ON a.attrelid = t.relation
                  AND a.attnum = k.number
                  AND NOT a.attisdropped
                  AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = t.relation AND n.attname = k.name AND NOT n.attisdropped)
                ORDER BY k.place
           )
     WHERE EXISTS (
           SELECT
             FROM unnest(t.key_columns) k (name)
            WHERE NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = t.relation AND n.attname = k.name AND NOT n.attisdropped)
       )
       AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
)
UPDATE vpd_private.tracked_column t
   SET column_name = a.attname
  FROM pg_attribute a
 WHERE a.attrelid = t.relation
   AND a.attnum = t.column_number
   AND NOT a.attisdropped
   AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = t.relation AND n.attname = t.column_name AND NOT n.attisdropped);
