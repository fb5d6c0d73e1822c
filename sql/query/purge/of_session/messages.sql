-- Removes the spent messages of sessions that are removed.
DELETE FROM vpd_private.message_spent WHERE root_id = ANY ($1);
