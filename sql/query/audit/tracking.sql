-- How the audit columns of a table, or of the table it is a partition or child of, are kept: root, identity, purpose and number of the column
-- in the table itself. A renamed column is found by its number.
WITH RECURSIVE ancestor AS (
    SELECT $1::oid AS relation
    UNION
    SELECT i.inhparent FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.relation
)
SELECT t.relation::oid,
       t.identity,
       c.purpose,
       own.attnum
  FROM ancestor a
  JOIN vpd_private.tracked_table t ON t.relation = a.relation::regclass
  JOIN vpd_private.tracked_column c ON c.relation = t.relation
 CROSS JOIN LATERAL (
       SELECT r.attname
         FROM pg_attribute r
        WHERE r.attrelid = t.relation::oid
          AND r.attnum > 0
          AND NOT r.attisdropped
          AND (r.attname = c.column_name OR r.attnum = c.column_number)
        ORDER BY r.attname <> c.column_name
        LIMIT 1
       ) root
  JOIN pg_attribute own ON own.attrelid = $1 AND own.attname = root.attname AND NOT own.attisdropped;
