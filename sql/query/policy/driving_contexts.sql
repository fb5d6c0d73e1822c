-- The driving contexts of a table.
SELECT namespace,
       attribute
  FROM vpd_private.driving_context
 WHERE relation = $1::regclass
 ORDER BY namespace, attribute;
