-- A function by schema, name, arguments and owner, and whether it can be trusted with a context: values are set from PL/pgSQL or SQL.
SELECT n.nspname::text,
       p.proname::text,
       coalesce(
           (SELECT string_agg(format('%I.%I', s.nspname, t.typname), ',' ORDER BY a.position)
              FROM unnest(p.proargtypes) WITH ORDINALITY a (type, position)
              JOIN pg_type t ON t.oid = a.type
              JOIN pg_namespace s ON s.oid = t.typnamespace),
           ''
       ),
       pg_get_userbyid(p.proowner)::text,
       l.lanname IN ('plpgsql', 'sql') AND p.prokind IN ('f', 'p') AND p.provolatile = 'v'
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid = $1;
