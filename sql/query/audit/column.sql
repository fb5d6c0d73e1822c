-- Number and kind of a column: whether it is text, a timestamptz, generated, an identity.
SELECT a.attnum,
       t.typcategory = 'S' AND t.typtype <> 'd',
       a.atttypid = 'timestamptz'::regtype,
       a.attgenerated <> '' OR a.attidentity <> ''
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = $1
   AND a.attname = $2
   AND a.attnum > 0
   AND NOT a.attisdropped;
