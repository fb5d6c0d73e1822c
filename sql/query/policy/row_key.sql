-- The expression that names a row of a table: its primary key, or its place in the table when it has none.
SELECT coalesce(
           (SELECT format('jsonb_build_object(%s)', string_agg(format('%L, %I.%I', a.attname, c.relname, a.attname), ', ' ORDER BY k.position))
              FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, position)
              JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = c.oid
               AND i.indisprimary),
           format('jsonb_build_object(%L, %I.ctid::text)', 'ctid', c.relname)
       ),
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
