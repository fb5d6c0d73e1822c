-- What tells the values of masked columns although they are masked.
WITH RECURSIVE family AS (
    SELECT DISTINCT m.relation::oid AS parent,
           m.relation::oid AS relation
      FROM vpd_private.mask m
     WHERE m.is_enabled
    UNION
    SELECT f.parent,
           i.inhrelid
      FROM pg_inherits i
      JOIN family f ON i.inhparent = f.relation
), masked AS (
    SELECT f.parent,
           a.attrelid,
           a.attnum,
           a.attname,
           format('%I.%I', n.nspname, c.relname) AS name
      FROM family f
      JOIN vpd_private.mask m ON m.relation::oid = f.parent AND m.is_enabled
      JOIN pg_attribute a ON a.attrelid = f.relation AND a.attname = m.column_name AND NOT a.attisdropped
      JOIN pg_class c ON c.oid = f.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT 'high' AS severity,
       'mask_generated_column' AS finding,
       format('%I of %s', g.attname, t.name) AS object,
       format('it is made of the masked column %I and shown to everybody', t.attname) AS detail,
       format('SELECT vpd.add_mask(%L, %L)', t.parent::regclass, g.attname) AS remedy
  FROM masked t
  JOIN pg_attribute g ON g.attrelid = t.attrelid AND g.attgenerated <> '' AND NOT g.attisdropped
  JOIN pg_attrdef e ON e.adrelid = g.attrelid AND e.adnum = g.attnum
 WHERE EXISTS (
           SELECT
             FROM pg_depend d
            WHERE d.refclassid = 'pg_class'::regclass
              AND d.refobjid = t.attrelid
              AND d.refobjsubid = t.attnum
              AND ((d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid)
                   OR (d.classid = 'pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum))
       )
   AND NOT EXISTS (
           SELECT FROM vpd_private.mask m WHERE m.relation::oid = t.parent AND m.column_name = g.attname AND m.is_enabled
       )
UNION
SELECT 'medium',
       'mask_check',
       format('%I on %s', k.conname, t.name),
       format('who may change another column of a row finds the value of the masked column %I by trying', t.attname),
       format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, k.conname)
  FROM masked t
  JOIN pg_constraint k ON k.conrelid = t.attrelid AND k.contype = 'c' AND t.attnum = ANY (k.conkey) AND cardinality(k.conkey) > 1;
