INSERT INTO vpd_private.tracked_table (relation, identity, tracked_by)
VALUES ($1::regclass, $2, $3)
    ON CONFLICT (relation) DO UPDATE SET identity = excluded.identity, tracked_by = excluded.tracked_by;
