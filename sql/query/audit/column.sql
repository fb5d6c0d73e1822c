-- Number and kind of a column: whether it is text that is neither padded nor cut, a timestamptz, generated, an identity.
SELECT a.attnum,
       a.atttypid IN ('text'::regtype, 'varchar'::regtype),
       a.atttypid = 'timestamptz'::regtype,
       a.attgenerated <> '' OR a.attidentity <> ''
  FROM pg_attribute a
 WHERE a.attrelid = $1
   AND a.attname = $2
   AND a.attnum > 0
   AND NOT a.attisdropped;
