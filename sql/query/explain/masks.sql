-- The column masks of a table that are enabled.
SELECT m.column_name,
       m.visible_when
  FROM vpd_private.mask m
 WHERE m.relation = $1::regclass
   AND m.is_enabled IS DISTINCT FROM false
 ORDER BY m.column_number;
