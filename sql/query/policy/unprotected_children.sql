-- Protected tables that have a partition or child which is not protected yet, and the name of one that cannot be.
SELECT i.inhparent,
       min(c.relname::text) FILTER (WHERE c.relkind NOT IN ('r', 'p'))
  FROM pg_inherits i
  JOIN vpd_private.protected_table t ON t.relation = i.inhparent
  JOIN pg_class c ON c.oid = i.inhrelid
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = i.inhrelid)
 GROUP BY i.inhparent;
