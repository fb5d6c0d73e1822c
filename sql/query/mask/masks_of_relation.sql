-- The masks on the columns of a relation, its own first and then those of the tables it is a partition or child of; disabled ones
-- included. The number is NULL when the column is gone.
WITH RECURSIVE ancestors AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.member
)
SELECT m.column_name,
       c.attnum,
       m.mask,
       m.visible_when,
       r.relname::text,
       m.is_enabled,
       m.relation = $1::regclass
  FROM ancestors a
  JOIN vpd_private.mask m ON m.relation = a.member::regclass
  JOIN pg_class r ON r.oid = a.member
  LEFT JOIN pg_attribute c ON c.attrelid = $1 AND c.attname = m.column_name AND c.attnum > 0 AND NOT c.attisdropped
 ORDER BY m.column_name, m.relation <> $1::regclass, r.relname;
