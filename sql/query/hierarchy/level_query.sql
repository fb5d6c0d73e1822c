-- The query that reads nodes of a table with a column a level; NULL unless every column exists.
WITH chosen AS (
    SELECT c.name, c.place
      FROM unnest($2::text[]) WITH ORDINALITY AS c (name, place)
), part AS (
    SELECT format(
               'SELECT DISTINCT %I::text, %s, %L::text, NULL::text FROM %s WHERE %s',
               c.name,
               coalesce((SELECT format('%I::text', u.name) FROM chosen u WHERE u.place = c.place - 1), 'NULL::text'),
               l.name,
               $1::regclass,
               (SELECT string_agg(format('%I IS NOT NULL', u.name), ' AND ' ORDER BY u.place) FROM chosen u WHERE u.place <= c.place)
           ) AS text,
           c.place
      FROM chosen c
      JOIN vpd_private.hierarchy_level l ON l.hierarchy = $3 AND l.depth = c.place
)
SELECT string_agg(p.text, ' UNION ALL ' ORDER BY p.place)
  FROM part p
 WHERE NOT EXISTS (
           SELECT
             FROM chosen c
            WHERE NOT EXISTS (
                      SELECT
                        FROM pg_attribute a
                       WHERE a.attrelid = $1
                         AND a.attname = c.name
                         AND a.attnum > 0
                         AND NOT a.attisdropped
                  )
       );
