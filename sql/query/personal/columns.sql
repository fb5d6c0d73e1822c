-- Sealed columns of a relation and its partitions ($1), or of all for NULL: table, number, name, key and modifier; the query that counts its values by version, and whether it is one of a table.
-- Of a domain over a sealed type as well. Arrays and rows of sealed values are not among them, nor temporary tables of others.
WITH RECURSIVE family AS (
    SELECT c.oid AS member
      FROM pg_class c
     WHERE c.oid = $1 OR $1 IS NULL
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT c.oid,
       a.attnum,
       a.attname::text,
       p.key_number,
       p.place,
       format(
           'SELECT vpd.sealed_version(%1$I)::integer, count(*) FROM ONLY %2$I.%3$I WHERE %1$I IS NOT NULL GROUP BY 1 ORDER BY 1',
           a.attname, n.nspname, c.relname
       ),
       c.relkind = 'r'
  FROM family f
  JOIN pg_class c ON c.oid = f.member
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  JOIN vpd_private.sealed_place p ON p.place = CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
 WHERE b.typnamespace = 'vpd'::regnamespace
   AND b.typname IN ('sealed_text', 'sealed_bytea', 'sealed_numeric', 'sealed_date', 'sealed_jsonb')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND c.relkind IN ('r', 'm')
   AND NOT pg_is_other_temp_schema(n.oid)
 ORDER BY n.nspname, c.relname, a.attnum;
