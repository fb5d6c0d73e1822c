SELECT kind FROM vpd_private.role_detail WHERE role_id = $1;
