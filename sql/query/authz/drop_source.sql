DELETE FROM vpd_private.defined_source WHERE name = $1;
