SELECT
  FROM vpd_private.app a
 WHERE a.name = $1;
