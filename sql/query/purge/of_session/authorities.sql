-- Removes what sessions may do that are removed.
DELETE FROM vpd_private.session_authority WHERE session_id = ANY ($1);
