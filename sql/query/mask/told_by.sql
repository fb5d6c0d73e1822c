-- What tells the values of a masked column although the column is masked, on the table and on its partitions: generated columns that are not
-- masked themselves, and CHECK constraints that compare it with another column. $1: the table; $2: the column.
WITH RECURSIVE family AS (
    SELECT $1 AS relation
    UNION
    SELECT i.inhrelid
      FROM pg_inherits i
      JOIN family f ON i.inhparent = f.relation
), columns AS (
    SELECT a.attrelid,
           a.attnum
      FROM family f
      JOIN pg_attribute a ON a.attrelid = f.relation AND a.attname = $2 AND NOT a.attisdropped
)
SELECT format('the generated column "%s" of "%s"', g.attname, g.attrelid::regclass)
  FROM columns c
  JOIN pg_attribute g ON g.attrelid = c.attrelid AND g.attgenerated <> '' AND NOT g.attisdropped
  JOIN pg_attrdef e ON e.adrelid = g.attrelid AND e.adnum = g.attnum
 WHERE EXISTS (
           SELECT
             FROM pg_depend d
            WHERE d.refclassid = 'pg_class'::regclass
              AND d.refobjid = c.attrelid
              AND d.refobjsubid = c.attnum
              AND ((d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid)
                   OR (d.classid = 'pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum))
       )
   AND NOT EXISTS (SELECT FROM vpd_private.mask m WHERE m.relation = $1::regclass AND m.column_name = g.attname)
UNION ALL
SELECT format('the CHECK constraint "%s" of "%s"', k.conname, k.conrelid::regclass)
  FROM columns c
  JOIN pg_constraint k ON k.conrelid = c.attrelid AND k.contype = 'c' AND c.attnum = ANY (k.conkey) AND cardinality(k.conkey) > 1
 ORDER BY 1;
