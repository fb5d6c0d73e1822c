-- The predicate over pairs of hierarchy and column, one text whatever their order; the first column that is missing, or of no type that keys have.
WITH pair AS (
    SELECT DISTINCT p.hierarchy,
           p.column_name,
           b.typtype = 'e'
           OR b.oid IN (
               'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype,
               'uuid'::regtype
           ) AS is_key
      FROM unnest($2::text[], $3::text[]) AS p (hierarchy, column_name)
      LEFT JOIN pg_attribute a
        ON a.attrelid = $1
       AND a.attname = p.column_name
       AND a.attnum > 0
       AND NOT a.attisdropped
      LEFT JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
)
SELECT string_agg(
           format('vpd.sees_node(%L, %I)', p.hierarchy, p.column_name),
           ' AND '
           ORDER BY p.hierarchy COLLATE "C", p.column_name COLLATE "C"
       ),
       min(p.column_name) FILTER (WHERE p.is_key IS NULL),
       min(p.column_name) FILTER (WHERE NOT p.is_key)
  FROM pair p;
