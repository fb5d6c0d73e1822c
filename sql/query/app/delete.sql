DELETE FROM vpd_private.app WHERE name = $1;
