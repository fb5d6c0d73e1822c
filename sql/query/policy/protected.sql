-- Every protected table.
SELECT relation::oid
  FROM vpd_private.protected_table
 ORDER BY relation::oid;
