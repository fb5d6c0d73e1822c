-- What a table that just became part of a protected family brings along, with everything below it, and what is refused or warned of when it is
-- made on a protected table. What it has from a parent is the parent's. $1: what joined.
WITH RECURSIVE member AS (
    SELECT i.inhrelid AS relation, i.inhparent AS protected
      FROM pg_inherits i
      JOIN vpd_private.protected_table t ON t.relation = i.inhparent
     WHERE i.inhrelid = ANY ($1)
    UNION
    SELECT i.inhrelid, m.protected
      FROM pg_inherits i
      JOIN member m ON i.inhparent = m.relation
), brought AS MATERIALIZED (
    SELECT m.relation, min(m.protected) AS protected
      FROM member m
      JOIN pg_class c ON c.oid = m.relation AND c.relkind IN ('r', 'p')
     WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table t WHERE t.relation = m.relation)
     GROUP BY m.relation
)
SELECT 'foreign_key' AS what, b.relation AS object, NULL AS name
  FROM brought b
  JOIN pg_constraint k ON k.conrelid = b.relation AND k.contype = 'f' AND k.conparentid = 0
UNION ALL
SELECT 'reference', b.relation, NULL
  FROM brought b
  JOIN pg_constraint k ON k.confrelid = b.relation AND k.contype = 'f' AND k.conparentid = 0
UNION ALL
SELECT CASE WHEN x.indexprs IS NULL AND x.indpred IS NULL THEN 'plain_index' ELSE 'index' END, b.protected, NULL
  FROM brought b
  JOIN pg_index x ON x.indrelid = b.relation
 WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = x.indexrelid)
UNION ALL
SELECT 'statistics', b.relation, NULL
  FROM brought b
  JOIN pg_statistic_ext s ON s.stxrelid = b.relation AND s.stxexprs IS NOT NULL
UNION ALL
SELECT 'generated', b.relation, NULL
  FROM brought b
  JOIN pg_attribute a ON a.attrelid = b.relation AND a.attgenerated <> '' AND NOT a.attisdropped
  JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
 WHERE NOT EXISTS (
           SELECT
             FROM pg_inherits i
             JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname AND p.attgenerated = a.attgenerated
             JOIN pg_attrdef f ON f.adrelid = p.attrelid AND f.adnum = p.attnum
            WHERE i.inhrelid = b.relation
              AND pg_get_expr(f.adbin, f.adrelid) = pg_get_expr(e.adbin, e.adrelid)
       )
UNION ALL
SELECT 'check', b.relation, NULL
  FROM brought b
  JOIN pg_constraint k ON k.conrelid = b.relation AND k.contype = 'c' AND k.convalidated AND k.coninhcount = 0
 WHERE EXISTS (SELECT FROM vpd_private.plain_code p WHERE p.catalogue = 'pg_constraint'::regclass AND p.object = k.oid)
UNION ALL
SELECT 'native_policy', b.relation, NULL
  FROM brought b
  JOIN pg_policy p ON p.polrelid = b.relation
UNION ALL
SELECT 'publication', b.relation, p.pubname::text
  FROM brought b
  JOIN pg_publication_rel r ON r.prrelid = b.relation
  JOIN pg_publication p ON p.oid = r.prpubid
UNION ALL
(
SELECT DISTINCT 'reader', w.ev_class, NULL
  FROM brought b
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = b.relation
  JOIN pg_rewrite w ON w.oid = d.objid
);
