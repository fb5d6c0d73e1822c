-- Tables that the purge worker is to reseal; those that were dropped are forgotten.
WITH gone AS (
    DELETE FROM vpd_private.resealing r WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)
)
SELECT r.relation::oid
  FROM vpd_private.resealing r
 WHERE r.in_background
   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)
 ORDER BY r.started_at, r.relation;
