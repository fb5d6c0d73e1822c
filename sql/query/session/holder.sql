-- The live session of a token, the application that holds it, and whether use through it moves the clock.
SELECT session_id, app, is_primary FROM vpd_private.live_token WHERE token_hash = $1;
