-- The keys by which a row of a table can be named, the primary key first: the columns, what each is compared as, and whether nothing of it was
-- made by others than PostgreSQL. A domain is looked through to the type under it, which runs no check. An index on expressions, or on
-- some of the rows, names no row.
SELECT i.indisprimary,
       array_agg(a.attname::text ORDER BY k.position),
       array_agg(quote_ident(a.attname) ORDER BY k.position),
       array_agg(format('pg_catalog.%I', b.typname) ORDER BY k.position),
       bool_and(b.typnamespace = 'pg_catalog'::regnamespace AND b.typtype = 'b' AND o.opcnamespace = 'pg_catalog'::regnamespace)
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) WITH ORDINALITY k (attnum, opclass, position)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  JOIN pg_opclass o ON o.oid = k.opclass
 CROSS JOIN LATERAL (
           WITH RECURSIVE under AS (
               SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid
                UNION ALL
               SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype
                 FROM under u
                 JOIN pg_type t ON t.oid = u.typbasetype
                WHERE u.typtype = 'd'
           )
           SELECT u.typname, u.typnamespace, u.typtype FROM under u WHERE u.typtype <> 'd'
       ) b
 WHERE i.indrelid = $1
   AND i.indisunique
   AND i.indisvalid
   AND i.indpred IS NULL
   AND i.indexprs IS NULL
   AND k.position <= i.indnkeyatts
 GROUP BY i.indexrelid, i.indisprimary
 ORDER BY i.indisprimary DESC, i.indexrelid;
