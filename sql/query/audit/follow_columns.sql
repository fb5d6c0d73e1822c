-- Follows renamed columns, and forgets tables that were dropped. A column whose name is there keeps its name and gets the number it has
-- here: numbers are others in a restored database.
WITH dropped AS (
    DELETE FROM vpd_private.tracked_table t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), dropped_column AS (
    DELETE FROM vpd_private.tracked_column t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), dropped_action AS (
    DELETE FROM vpd_private.protected_action t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
), action AS (
    SELECT p.relation,
           p.action,
           coalesce(own.attname, numbered.attname, p.column_name) AS column_name,
           coalesce(own.attnum, p.column_number) AS column_number,
           k.names AS key_columns,
           k.numbers AS key_numbers
      FROM vpd_private.protected_action p
      LEFT JOIN pg_attribute own ON own.attrelid = p.relation AND own.attname = p.column_name AND NOT own.attisdropped
      LEFT JOIN pg_attribute numbered ON numbered.attrelid = p.relation AND numbered.attnum = p.column_number AND NOT numbered.attisdropped
     CROSS JOIN LATERAL (
           SELECT array_agg(coalesce(own.attname, numbered.attname, k.name)::text ORDER BY k.place) AS names,
                  array_agg(coalesce(own.attnum, k.number) ORDER BY k.place) AS numbers
             FROM unnest(p.key_columns, p.key_numbers) WITH ORDINALITY AS k (name, number, place)
             LEFT JOIN pg_attribute own ON own.attrelid = p.relation AND own.attname = k.name AND NOT own.attisdropped
             LEFT JOIN pg_attribute numbered ON numbered.attrelid = p.relation AND numbered.attnum = k.number AND NOT numbered.attisdropped
     ) k
     WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
), followed_action AS (
    UPDATE vpd_private.protected_action t
       SET column_name = a.column_name,
           column_number = a.column_number,
           key_columns = a.key_columns,
           key_numbers = a.key_numbers
      FROM action a
     WHERE a.relation = t.relation
       AND a.action = t.action
       AND (a.column_name, a.column_number, a.key_columns, a.key_numbers)
               IS DISTINCT FROM (t.column_name, t.column_number, t.key_columns, t.key_numbers)
)
UPDATE vpd_private.tracked_column t
   SET column_name = a.attname,
       column_number = a.attnum
  FROM pg_attribute a
 WHERE a.attrelid = t.relation
   AND NOT a.attisdropped
   AND (
       a.attname = t.column_name AND a.attnum <> t.column_number
       OR a.attnum = t.column_number
          AND a.attname <> t.column_name
          AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = t.relation AND n.attname = t.column_name AND NOT n.attisdropped)
   );
