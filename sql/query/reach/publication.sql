-- Protected tables whose changes a publication sends.
SELECT count(*)
  FROM pg_get_publication_tables($1) p
  JOIN vpd_private.protected_table t ON t.relation = p.relid;
