-- Removes the tokens of sessions that are removed.
DELETE FROM vpd_private.session_token WHERE session_id = ANY ($1);
