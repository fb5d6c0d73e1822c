SELECT u.name FROM unnest($1::text[]) AS n (name) JOIN vpd_private.unit u ON u.name = n.name;
