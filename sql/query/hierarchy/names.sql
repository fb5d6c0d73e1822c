SELECT h.name
  FROM vpd_private.hierarchy h;
