-- Notes that a token ($1) of an issuer ($2) has opened a session; it would be accepted until $3, in seconds since 1970. No row when it had.
INSERT INTO vpd_private.identity_token (token_hash, issuer, usable_until)
VALUES ($1, $2, to_timestamp($3))
    ON CONFLICT (token_hash) DO NOTHING
RETURNING true;
