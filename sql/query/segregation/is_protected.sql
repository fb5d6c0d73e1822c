SELECT FROM vpd_private.protected_action p WHERE p.relation = $1::regclass LIMIT 1;
