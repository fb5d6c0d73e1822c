SELECT t.relation::oid FROM vpd_private.protected_table t WHERE $1::oid IS NULL OR t.relation = $1::oid::regclass;
