-- A table that is filtered by the hierarchy.
SELECT p.relation::text
  FROM vpd_private.hierarchy_protection p
 WHERE p.hierarchy = $1
 LIMIT 1;
