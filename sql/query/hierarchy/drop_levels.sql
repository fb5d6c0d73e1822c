DELETE FROM vpd_private.hierarchy_level WHERE hierarchy = $1;
