-- The query for what a column ($2) of a table ($1) holds about a person: the values, sealed, of the rows in which a column ($3) has his name ($4).
SELECT format(
           'SELECT CAST(t.%1$I AS text) FROM ONLY %2$I.%3$I AS t WHERE CAST(t.%4$I AS text) = %5$L AND t.%1$I IS NOT NULL ORDER BY t.ctid',
           $2::text, n.nspname, c.relname, $3::text, $4::text
       ),
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
