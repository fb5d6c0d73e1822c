-- Moves the idle clock: a row of its own, so that the session's row stays free for whoever ends it.
INSERT INTO vpd_private.session_use (root_id, used_at) VALUES ($1, clock_timestamp());
