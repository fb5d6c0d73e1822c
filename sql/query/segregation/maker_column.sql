-- Whether a column says by whom a row was made or last changed. $1 table, $2 column.
SELECT c.purpose
  FROM vpd_private.tracked_column c
 WHERE c.relation = $1::regclass
   AND c.column_name = $2
   AND c.purpose IN ('created_by', 'updated_by');
