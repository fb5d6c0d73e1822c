DELETE FROM vpd_private.mask
 WHERE relation = $1::regclass
   AND column_name = $2;
