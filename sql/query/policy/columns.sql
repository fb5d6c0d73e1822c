-- Which of the names are columns of the table.
SELECT attname::text
  FROM pg_attribute
 WHERE attrelid = $1
   AND attnum > 0
   AND NOT attisdropped
   AND attname = ANY ($2::name[]);
