-- Follows renamed columns that name persons, and forgets tables that were dropped. A column whose name is there keeps it, and gets the number it has here, which in a restored database is
-- another.
WITH dropped AS (
    DELETE FROM vpd_private.person_column p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
), dropped_resealing AS (
    DELETE FROM vpd_private.resealing r WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)
)
UPDATE vpd_private.person_column p
   SET column_name = a.attname,
       column_number = a.attnum
  FROM pg_attribute a
 WHERE a.attrelid = p.relation
   AND NOT a.attisdropped
   AND (
       a.attname = p.column_name AND a.attnum <> p.column_number
       OR a.attnum = p.column_number
          AND a.attname <> p.column_name
          AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = p.relation AND n.attname = p.column_name AND NOT n.attisdropped)
   );
