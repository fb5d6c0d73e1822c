-- The predicate over pairs of hierarchy and column, one text whatever their order; the first column that is missing, or of no type that keys have.
WITH pair AS (
    SELECT DISTINCT p.hierarchy,
           p.column_name,
           coalesce(nullif(t.typbasetype, 0), t.oid) AS type
      FROM unnest($2, $3) AS p (hierarchy, column_name)
      LEFT JOIN pg_attribute a
        ON a.attrelid = $1
       AND a.attname = p.column_name
       AND a.attnum > 0
       AND NOT a.attisdropped
      LEFT JOIN pg_type t ON t.oid = a.atttypid
)
SELECT string_agg(
           format('vpd.sees_node(%L, %I)', p.hierarchy, p.column_name),
           ' AND '
           ORDER BY p.hierarchy COLLATE "C", p.column_name COLLATE "C"
       ),
       min(p.column_name) FILTER (WHERE p.type IS NULL),
       min(p.column_name) FILTER (
           WHERE p.type NOT IN (
               SELECT t.oid
                 FROM pg_type t
                WHERE t.typtype = 'e'
                   OR t.oid IN (
                       'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'text'::regtype, 'varchar'::regtype,
                       'bpchar'::regtype, 'uuid'::regtype
                   )
           )
       )
  FROM pair p;
