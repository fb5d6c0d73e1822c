-- The query for a row of a table ($1) that names somebody in a column ($3) and has a value in one of others ($2) that is about somebody else. It takes the name, the name with its kind, and a permit.
SELECT format(
           'SELECT 1 FROM ONLY %I.%I AS t WHERE CAST(t.%I AS text) = $1 AND (%s) LIMIT 1',
           n.nspname,
           c.relname,
           $3::text,
           (SELECT string_agg(format('vpd.sealed_differs(t.%I, $2, $3)', u.name), ' OR ') FROM unnest($2::text[]) AS u (name))
       )
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
