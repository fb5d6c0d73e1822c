SELECT FROM vpd_private.unit u WHERE u.name = $1;
