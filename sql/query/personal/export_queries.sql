-- For each sealed column about persons: table, column, and the query that gives what it holds about the one of a name ($1), with the row as the person's column names it.
SELECT format('%I.%I', n.nspname, c.relname),
       a.attname::text,
       format(
           'SELECT vpd.unseal(t.%1$I)::text FROM ONLY %2$I.%3$I AS t WHERE t.%4$I::text = %5$L AND t.%1$I IS NOT NULL ORDER BY t.ctid',
           a.attname, n.nspname, c.relname, own.attname, $1::text
       ),
       c.oid,
       p.place
  FROM vpd_private.person_column pc
 CROSS JOIN LATERAL (
       WITH RECURSIVE family AS (
           SELECT pc.relation::oid AS member
           UNION
           SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
       )
       SELECT f.member FROM family f
       ) f
  JOIN pg_class c ON c.oid = f.member AND c.relkind IN ('r', 'm')
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT r.attname
         FROM pg_attribute r
        WHERE r.attrelid = pc.relation::oid
          AND r.attnum > 0
          AND NOT r.attisdropped
          AND (r.attname = pc.column_name OR r.attnum = pc.column_number)
        ORDER BY r.attname <> pc.column_name
        LIMIT 1
       ) root
  JOIN pg_attribute own ON own.attrelid = c.oid AND own.attname = root.attname AND NOT own.attisdropped
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  JOIN vpd_private.sealed_place p ON p.place = CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
 WHERE b.typnamespace = 'vpd'::regnamespace
   AND b.typname LIKE 'sealed\_%'
   AND NOT pg_is_other_temp_schema(n.oid)
 ORDER BY 1, a.attnum;
