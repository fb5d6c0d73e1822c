DELETE FROM vpd_private.unit WHERE name = $1;
