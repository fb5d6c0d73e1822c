SELECT t.relation::oid FROM vpd_private.protected_table t JOIN pg_class c ON c.oid = t.relation ORDER BY c.relname, c.oid;
