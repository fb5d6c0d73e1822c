SELECT t.base_role, t.hierarchy, t.level, t.name_pattern FROM vpd_private.data_role_template t WHERE t.name = $1;
