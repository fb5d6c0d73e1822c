SELECT precedence FROM vpd_private.identity_source WHERE name = $1;
