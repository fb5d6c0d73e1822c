-- What a row of a table can be named by: the table's name, its primary key, its columns, each column as it is quoted.
SELECT format('%I.%I', n.nspname, c.relname),
       quote_ident(c.relname),
       c.relkind IN ('r', 'p'),
       ARRAY(
           SELECT a.attname::text
             FROM pg_index i
            CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, position)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE i.indrelid = c.oid
              AND i.indisprimary
            ORDER BY k.position
       ),
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
