-- Whether a table under policy stores values of a type, and whether one with protected actions does: itself, or inside an array, a domain, a composite type or a range.
WITH RECURSIVE types AS (
    SELECT $1::oid AS type
    UNION
    SELECT u.type
      FROM types s,
           LATERAL (
               SELECT t.oid FROM pg_type t WHERE t.typelem = s.type OR t.typbasetype = s.type
               UNION ALL
               SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.atttypid = s.type AND c.relkind = 'c'
               UNION ALL
               SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = s.type
               UNION ALL
               SELECT r.rngmultitypid FROM pg_range r WHERE r.rngtypid = s.type
           ) AS u (type)
), stored AS (
    SELECT a.attrelid AS relation
      FROM types s
      JOIN pg_attribute a ON a.atttypid = s.type AND NOT a.attisdropped
    UNION ALL
    SELECT c.oid FROM types s JOIN pg_class c ON c.reloftype = s.type
)
SELECT EXISTS (SELECT FROM stored JOIN vpd_private.protected_table t ON t.relation = stored.relation),
       EXISTS (SELECT FROM stored JOIN vpd_private.protected_action p ON p.relation = stored.relation);
