-- Columns of the primary key.
SELECT array_agg(a.attname::text ORDER BY k.place)
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
 WHERE i.indrelid = $1
   AND i.indisprimary
   AND k.place <= i.indnkeyatts;
