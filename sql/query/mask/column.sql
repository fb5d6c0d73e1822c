-- Number of a column.
SELECT a.attnum
  FROM pg_attribute a
 WHERE a.attrelid = $1
   AND a.attname = $2
   AND a.attnum > 0
   AND NOT a.attisdropped;
