-- What a table kept as a part of another, it keeps by itself.
WITH kept AS (
    INSERT INTO vpd_private.tracked_table (relation, identity, tracked_by)
    SELECT $1::regclass, t.identity, t.tracked_by FROM vpd_private.tracked_table t WHERE t.relation = $2::regclass
        ON CONFLICT DO NOTHING
)
INSERT INTO vpd_private.tracked_column (relation, purpose, column_name, column_number)
SELECT $1::regclass, c.purpose, a.attname, a.attnum
  FROM vpd_private.tracked_column c
  JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = c.column_name AND NOT a.attisdropped
 WHERE c.relation = $2::regclass
    ON CONFLICT DO NOTHING;
