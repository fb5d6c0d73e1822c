-- What there is to know before a column ($2) of a table ($1) gets another type: kind of table, whether it is a part of another, the sealed type that its own becomes (NULL: none; '' where it is sealed), its own type, how its values
-- become that, whether the server computes it, its modifier, table and column as SQL reads them, everything that depends on it, in a partition too, and would not come along, whether an index holds it, its default,
-- whether the column names persons.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT c.relkind::text,
       c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AND a.attinhcount > 0,
       CASE
           WHEN t.typnamespace = 'vpd'::regnamespace AND t.typname LIKE 'sealed\_%' THEN ''
           WHEN t.typtype = 'd' THEN NULL
           WHEN t.typcategory = 'S' OR t.oid = 'uuid'::regtype THEN 'sealed_text'
           WHEN t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) THEN 'sealed_numeric'
           WHEN t.oid = 'date'::regtype THEN 'sealed_date'
           WHEN t.oid = 'bytea'::regtype THEN 'sealed_bytea'
           WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) THEN 'sealed_jsonb'
       END,
       CASE WHEN t.typnamespace = 'vpd'::regnamespace THEN substr(t.typname, 8) ELSE format_type(a.atttypid, a.atttypmod) END,
       a.attgenerated <> '' OR a.attidentity <> '',
       a.atttypmod,
       format('%I.%I', n.nspname, c.relname),
       format('%I', a.attname),
       ARRAY(
           SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
             FROM family f
             JOIN pg_attribute own ON own.attrelid = f.member AND own.attname = a.attname AND NOT own.attisdropped
             JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = f.member AND d.refobjsubid = own.attnum
             LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
             LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
             LEFT JOIN pg_class ic ON ic.oid = i.indexrelid
             LEFT JOIN pg_am m ON m.oid = ic.relam
             LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
            WHERE (
                  -- A plain index on columns with the usual operators is made again; a default is converted.
                  i.indexrelid IS NOT NULL
                      AND m.amname IN ('btree', 'hash')
                      AND i.indexprs IS NULL
                      AND i.indpred IS NULL
                      AND NOT EXISTS (
                          SELECT
                            FROM unnest(i.indkey, i.indclass) AS u (attnum, opclass)
                            JOIN pg_opclass o ON o.oid = u.opclass
                           WHERE u.attnum = own.attnum AND NOT o.opcdefault
                      )
                  OR k.contype IN ('p', 'u')
                  OR k.contype = 'c' AND EXISTS (SELECT FROM vpd_private.person_check b WHERE b.relation = f.member AND b.name = k.conname)
                  OR d.classid = 'pg_attrdef'::regclass AND a.attgenerated = '' AND d.deptype = 'a'
                  OR d.deptype = 'i'
              ) IS NOT TRUE
           UNION
           SELECT format('policy %I of vpd', p.policy_name)
             FROM vpd_private.policy p
            WHERE p.relation::oid IN (SELECT f.member FROM family f)
              AND p.predicate ~ ('(^|\W)' || regexp_replace(a.attname, '(\W)', '\\\1', 'g') || '($|\W)')
           UNION
           SELECT format('key of the partitions of %I.%I', pn.nspname, pc.relname)
             FROM family f
             JOIN pg_partitioned_table p ON p.partrelid = f.member
             JOIN pg_class pc ON pc.oid = f.member
             JOIN pg_namespace pn ON pn.oid = pc.relnamespace
             JOIN pg_attribute own ON own.attrelid = f.member AND own.attname = a.attname
            WHERE own.attnum = ANY (p.partattrs)
           ORDER BY 1
       ),
       EXISTS (
           SELECT
             FROM family f
             JOIN pg_attribute own ON own.attrelid = f.member AND own.attname = a.attname
             JOIN pg_index i ON i.indrelid = f.member AND own.attnum = ANY (i.indkey)
       ),
       (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''),
       EXISTS (
           SELECT
             FROM family f
             JOIN vpd_private.person_column p ON p.relation::oid = f.member
             JOIN pg_attribute own ON own.attrelid = f.member AND (own.attname = p.column_name OR own.attnum = p.column_number) AND NOT own.attisdropped
            WHERE own.attname = a.attname
       )
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.oid = $1
   AND a.attname = $2
   AND a.attnum > 0
   AND NOT a.attisdropped;
