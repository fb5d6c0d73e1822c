SELECT a.id,
       a.seeded_by
  FROM vpd_private.authority a
 WHERE a.kind = $1
   AND a.name = $2
   AND a.dropped_at IS NULL;
