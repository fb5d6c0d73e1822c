-- The declared contexts with the function each trusts now; NULL when it is gone, was renamed or belongs to somebody else.
SELECT c.namespace,
       f.oid,
       c.is_global
  FROM vpd_private.application_context c
  LEFT JOIN LATERAL (
       SELECT p.oid
         FROM pg_proc p
         JOIN pg_namespace n ON n.oid = p.pronamespace
         JOIN pg_language l ON l.oid = p.prolang
        WHERE p.proname = c.function_name
          AND n.nspname = c.function_schema
          AND l.lanname IN ('plpgsql', 'sql')
          AND pg_get_userbyid(p.proowner) = c.function_owner
          AND coalesce(
                  (SELECT string_agg(format('%I.%I', s.nspname, t.typname), ',' ORDER BY a.position)
                     FROM unnest(p.proargtypes) WITH ORDINALITY a (type, position)
                     JOIN pg_type t ON t.oid = a.type
                     JOIN pg_namespace s ON s.oid = t.typnamespace),
                  ''
              ) = c.function_arguments
       ) f ON true;
