-- The root session and the application of a token whose session is live, and whether use through it moves the clock.
SELECT root_id, app, is_primary FROM vpd_private.live_token WHERE token_hash = $1;
