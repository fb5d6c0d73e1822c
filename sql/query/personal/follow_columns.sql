-- Follows renamed columns that name persons, and forgets tables that were dropped. A column whose name is there keeps it, and gets the number it has here, which in a restored database is
-- another. Partitions that came say what their root says, and go on to say it when they are detached.
WITH RECURSIVE dropped AS (
    DELETE FROM vpd_private.person_column p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
),
dropped_resealing AS (
    DELETE FROM vpd_private.resealing r WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)
),
follower AS (
    SELECT i.inhrelid AS relation, p.column_name, p.kind
      FROM vpd_private.person_column p
      JOIN pg_inherits i ON i.inhparent = p.relation
    UNION
    SELECT i.inhrelid, f.column_name, f.kind FROM follower f JOIN pg_inherits i ON i.inhparent = f.relation
),
followed AS (
    INSERT INTO vpd_private.person_column (relation, column_name, column_number, kind)
    SELECT f.relation::regclass, f.column_name, a.number, f.kind
      FROM follower f
      JOIN vpd_private.nameable_column a ON a.relation = f.relation AND a.name = f.column_name
     WHERE NOT EXISTS (SELECT FROM vpd_private.person_column p WHERE p.relation = f.relation::regclass)
        ON CONFLICT (relation) DO NOTHING
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
