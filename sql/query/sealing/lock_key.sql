-- A key ($1), and whether it was destroyed. Whoever changes it waits here for whoever else does.
UPDATE vpd_private.sealing_key
   SET name = name
 WHERE name = $1
RETURNING key_number, destroyed_at IS NOT NULL;
