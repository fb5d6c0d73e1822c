-- Where resealing of a table ($1) stands, which nobody else moves meanwhile. It begins anew when columns or versions ($2) are others than before.
INSERT INTO vpd_private.resealing AS r (relation, targets)
VALUES ($1::oid::regclass, $2)
    ON CONFLICT (relation) DO UPDATE
   SET targets = excluded.targets,
       pass = CASE WHEN r.targets = excluded.targets THEN r.pass ELSE 1 END,
       next_block = CASE WHEN r.targets = excluded.targets THEN r.next_block ELSE 0 END,
       next_row = CASE WHEN r.targets = excluded.targets THEN r.next_row ELSE 0 END,
       resealed = CASE WHEN r.targets = excluded.targets THEN r.resealed ELSE 0 END,
       started_at = CASE WHEN r.targets = excluded.targets THEN r.started_at ELSE clock_timestamp() END,
       finished_at = CASE WHEN r.targets = excluded.targets THEN r.finished_at END
RETURNING pass, next_block, next_row, finished_at IS NOT NULL;
