-- Two queries for rows of a table ($1) with a value in one of some columns ($2) that is about somebody else than a column ($3) names, for a kind of person ($4): for one among those that name somebody, which takes
-- his name, his name with its kind, and a permit; and for how many there are, which takes a permit.
SELECT format('SELECT 1 FROM ONLY %s AS t WHERE %s = $1 AND (%s) LIMIT 1', t.name, t.person, string_agg(format('vpd.sealed_differs(t.%I, $2, $3)', u.name), ' OR ')),
       format(
           'SELECT count(*) FROM ONLY %s AS t WHERE %s', t.name, string_agg(format('vpd.sealed_differs(t.%I, %L || %s, $1)', u.name, $4::text || ':', t.person), ' OR ')
       )
  FROM (
           SELECT format('%I.%I', n.nspname, c.relname) AS name, format('CAST(t.%I AS text)', $3::text) AS person
             FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = $1
       ) t
 CROSS JOIN unnest($2::text[]) AS u (name)
 GROUP BY t.name, t.person;
