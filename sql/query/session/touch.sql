-- Moves the idle clock unless somebody else is just doing it.
UPDATE vpd_private.session
   SET last_access_at = clock_timestamp()
 WHERE id IN (SELECT id FROM vpd_private.session WHERE id = $1 AND ended_at IS NULL FOR UPDATE SKIP LOCKED);
