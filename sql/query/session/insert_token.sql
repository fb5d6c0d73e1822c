-- Gives out a token: $1 its hash, $2 the session it opens, $3 the application it is given to, $4 whether use through it moves the clock, $5 hash of the ticket it is
-- given for, $6 the era of its application.
INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, ticket_hash, issued_at, made_in)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6);
