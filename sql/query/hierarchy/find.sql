SELECT h.mode
  FROM vpd_private.hierarchy h
 WHERE h.name = $1;
