-- The purge worker is to reseal a table ($1).
INSERT INTO vpd_private.resealing (relation, targets, in_background)
VALUES ($1::oid::regclass, '', true)
    ON CONFLICT (relation) DO UPDATE
   SET in_background = true, finished_at = NULL, targets = '';
