-- The protected actions of a table, or of the table it is a partition or child of, with the numbers of the columns in the table itself.
-- A renamed column is found by its number.
WITH RECURSIVE ancestor AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhparent FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.relation
)
SELECT p.action,
       p.maker_column,
       (
           SELECT own.attnum
             FROM pg_attribute r
             JOIN pg_attribute own ON own.attrelid = $1 AND own.attname = r.attname
            WHERE r.attrelid = p.relation::oid
              AND r.attnum > 0
              AND NOT r.attisdropped
              AND (r.attname = p.column_name OR r.attnum = p.column_number)
            ORDER BY r.attname <> p.column_name
            LIMIT 1
       ),
       p.value,
       (
           SELECT CASE WHEN bool_and(c.number IS NOT NULL) THEN array_agg(c.number ORDER BY c.place) END
             FROM (
           SELECT k.place,
                  (
                      SELECT own.attnum
                        FROM pg_attribute r
                        JOIN pg_attribute own ON own.attrelid = $1 AND own.attname = r.attname
                       WHERE r.attrelid = p.relation::oid
                         AND r.attnum > 0
                         AND NOT r.attisdropped
                         AND (r.attname = k.name OR r.attnum = k.number)
                       ORDER BY r.attname <> k.name
                       LIMIT 1
                  ) AS number
             FROM unnest(p.key_columns, p.key_numbers) WITH ORDINALITY AS k (name, number, place)
                  ) c
       )
  FROM ancestor a
 CROSS JOIN LATERAL (SELECT p.* FROM vpd_private.protected_action p WHERE p.relation = a.relation::regclass OFFSET 0) p
 ORDER BY p.action;
