-- What may hold values of a key ($1) and cannot be looked into: columns of temporary tables of others and of foreign tables, and columns of types that have a sealed type inside.
WITH RECURSIVE holding AS (
    SELECT t.oid
      FROM pg_type t
     WHERE t.typnamespace = 'vpd'::regnamespace
       AND t.typname IN ('sealed_text', 'sealed_bytea', 'sealed_numeric', 'sealed_date', 'sealed_jsonb')
    UNION
    SELECT outer_type.oid
      FROM holding h
     CROSS JOIN LATERAL (
           SELECT u.oid FROM pg_type u WHERE u.typbasetype = h.oid OR u.typelem = h.oid
           UNION ALL
           SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = h.oid
           UNION ALL
           SELECT r.rngmultitypid FROM pg_range r WHERE r.rngtypid = h.oid
           UNION ALL
           SELECT c.reltype
             FROM pg_attribute a
             JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.atttypid = h.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
           ) outer_type
)
SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum)
  FROM holding h
  JOIN pg_type t ON t.oid = h.oid
  JOIN pg_attribute a ON a.atttypid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm', 't')
 WHERE NOT (t.typnamespace = 'vpd'::regnamespace AND t.typtype = 'b' AND t.typelem = 0)
UNION
SELECT pg_describe_object('pg_class'::regclass, s.relation, s.number)
  FROM vpd_private.sealed_column s
  JOIN pg_class c ON c.oid = s.relation
 WHERE s.key_number = $1
   AND (c.relkind IN ('r', 'm') AND pg_is_other_temp_schema(c.relnamespace) OR c.relkind = 'f')
 ORDER BY 1;
