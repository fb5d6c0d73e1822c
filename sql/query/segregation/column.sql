-- Number, type, modifier of a column; whether its values read and compare the same whatever a connection has set.
SELECT a.attnum,
       a.atttypid,
       a.atttypmod,
       -- A domain would run what its owner put into it.
       t.typtype <> 'd'
           AND (t.typcategory IN ('S', 'B', 'E')
                OR a.atttypid IN ('uuid'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype))
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = $1
   AND a.attname = $2
   AND a.attnum > 0
   AND NOT a.attisdropped;
