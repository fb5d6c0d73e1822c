-- The expression that names a row of a table: its primary key, or its place in the table when it has none, or one of a type that others than
-- PostgreSQL made, whose casts would run. A domain is looked through to the type under it.
SELECT coalesce(
           (SELECT format(
                       'jsonb_build_object(%s)',
                       string_agg(format('%L, %I.%I::pg_catalog.%I', a.attname, c.relname, a.attname, b.typname), ', ' ORDER BY k.position)
                   )
              FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, position)
              JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
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
             WHERE i.indrelid = c.oid
               AND i.indisprimary
               AND k.position <= i.indnkeyatts
            HAVING bool_and(b.typnamespace = 'pg_catalog'::regnamespace AND b.typtype = 'b')),
           format('jsonb_build_object(%L, %I.ctid::text)', 'ctid', c.relname)
       ),
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
