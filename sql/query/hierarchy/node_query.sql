-- The query that reads nodes of a table with one row a node; NULL unless every column exists.
SELECT format(
           'SELECT DISTINCT %I::text, %s, %s, %s FROM %s WHERE %1$I IS NOT NULL',
           $2::text,
           CASE WHEN $3::text IS NULL THEN 'NULL' ELSE quote_ident($3) END || '::text',
           CASE WHEN $4::text IS NULL THEN 'NULL' ELSE quote_ident($4) END || '::text',
           CASE WHEN $5::text IS NULL THEN 'NULL' ELSE quote_ident($5) END || '::text',
           $1::regclass
       )
 WHERE NOT EXISTS (
           SELECT
             FROM unnest(ARRAY[$2, $3, $4, $5]) AS c (name)
            WHERE c.name IS NOT NULL
              AND NOT EXISTS (
                      SELECT
                        FROM pg_attribute a
                       WHERE a.attrelid = $1
                         AND a.attname = c.name
                         AND a.attnum > 0
                         AND NOT a.attisdropped
                  )
       );
