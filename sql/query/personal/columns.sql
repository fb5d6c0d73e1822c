-- Sealed columns of a relation and its partitions ($1), or of all for NULL: table, number, name, key and modifier; the query that counts its values by version, and whether it is one of a table.
-- Temporary tables of others are not among them: nobody else can read those.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
     WHERE $1 IS NOT NULL
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT c.oid,
       s.number,
       s.name,
       s.key_number,
       s.place,
       format(
           'SELECT vpd.sealed_version(%1$I)::integer, count(*) FROM ONLY %2$I.%3$I WHERE %1$I IS NOT NULL GROUP BY 1 ORDER BY 1',
           s.name, n.nspname, c.relname
       ),
       c.relkind = 'r'
  FROM vpd_private.sealed_column s
  JOIN pg_class c ON c.oid = s.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE ($1 IS NULL OR c.oid IN (SELECT f.member FROM family f))
   AND c.relkind IN ('r', 'm')
   AND c.relispopulated
   AND NOT pg_is_other_temp_schema(n.oid)
 ORDER BY n.nspname, c.relname, s.number;
