SELECT true FROM vpd_private.hierarchy_level l WHERE l.hierarchy = $1 AND l.name = $2;
