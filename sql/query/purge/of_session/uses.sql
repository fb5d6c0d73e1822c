-- Removes the uses of sessions that are removed.
DELETE FROM vpd_private.session_use WHERE root_id = ANY ($1);
