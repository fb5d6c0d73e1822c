-- The one spelling of a function with the types of its arguments: as definitions name it. Nothing when there is none.
SELECT format(
           '%I.%I(%s)',
           n.nspname,
           p.proname,
           (SELECT string_agg(format('%I.%I', s.nspname, t.typname), ',' ORDER BY a.position)
              FROM unnest(p.proargtypes) WITH ORDINALITY a (type, position)
              JOIN pg_type t ON t.oid = a.type
              JOIN pg_namespace s ON s.oid = t.typnamespace)
       )
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.oid = to_regprocedure($1);
