SELECT true FROM vpd_private.unit WHERE name = $1;
