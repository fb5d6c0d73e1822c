-- Protected tables that have a partition or child which is not protected yet.
SELECT DISTINCT i.inhparent
  FROM pg_inherits i
  JOIN vpd_private.protected_table t ON t.relation = i.inhparent
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table c WHERE c.relation = i.inhrelid);
