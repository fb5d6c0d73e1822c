DELETE FROM vpd_private.driving_context
 WHERE relation = $1::regclass
   AND namespace = $2
   AND attribute = $3;
