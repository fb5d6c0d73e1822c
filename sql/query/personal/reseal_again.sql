-- Where all of some tables ($1) are resealed, it begins anew with them.
DELETE FROM vpd_private.resealing r
 WHERE r.relation = ANY ($1::oid[]::regclass[])
   AND NOT EXISTS (
           SELECT
             FROM unnest($1::oid[]) AS u (relation)
             LEFT JOIN vpd_private.resealing o ON o.relation = u.relation::regclass
            WHERE o.finished_at IS NULL
       );
