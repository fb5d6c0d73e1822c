DELETE FROM vpd_private.protected_action p WHERE p.relation = $1::regclass AND p.action = $2;
