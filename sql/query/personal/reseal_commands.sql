-- The two commands of a batch over a table ($1) with outdated values in columns ($2) below the versions ($3): one that finds and locks rows from a place ($4: block, $5: row) to a block ($6;
-- NULL: one row, wherever it is), stepping over those that others hold unless there is no such block; and one that seals them anew, whose list of rows is to follow. Rows name
-- persons of a kind ($8) by a column ($7), or by none; columns ($9) whose values become about the person of their row are outdated too where they are about another. Both commands take a permit.
SELECT format(
           'SELECT t.ctid::text, (t.ctid::text::point)[0]::bigint, (t.ctid::text::point)[1]::integer FROM ONLY %I.%I AS t WHERE t.ctid > %L::tid %sAND (%s) %s FOR UPDATE OF t%s',
           n.nspname,
           c.relname,
           format('(%s,%s)', $4::bigint, $5::integer),
           CASE WHEN $6::bigint IS NULL THEN '' ELSE format('AND t.ctid < %L::tid ', format('(%s,0)', $6::bigint)) END,
           string_agg(
               format('vpd.sealed_version(t.%I) BETWEEN 0 AND %s', u.name, u.version - 1)
                   || CASE WHEN u.is_moving THEN format(' OR vpd.sealed_differs(t.%I, %L || CAST(t.%I AS text), $1)', u.name, $8::text || ':', $7::text) ELSE '' END,
               ' OR ' ORDER BY u.name
           ),
           CASE WHEN $6::bigint IS NULL THEN 'LIMIT 1' ELSE '' END,
           CASE WHEN $6::bigint IS NULL THEN '' ELSE ' SKIP LOCKED' END
       ),
       format(
           'UPDATE ONLY %I.%I AS t SET %s WHERE t.ctid = ANY (CAST(',
           n.nspname,
           c.relname,
           string_agg(
               format(
                   '%1$I = vpd.sealed_anew(t.%1$I, %2$s, $1)',
                   u.name,
                   CASE WHEN $7::text IS NULL THEN 'NULL::text' ELSE format('%L || CAST(t.%I AS text)', $8::text || ':', $7::text) END
               ),
               ', ' ORDER BY u.name
           )
       )
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN unnest($2::text[], $3::integer[], $9::boolean[]) AS u (name, version, is_moving)
 WHERE c.oid = $1
 GROUP BY n.nspname, c.relname;
