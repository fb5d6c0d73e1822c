-- A login, by the hash of its name ($1), is over at its provider since $2; no token from before is accepted after $3, both in seconds since 1970.
INSERT INTO vpd_private.provider_logout AS o (login_hash, logged_out_at, usable_until)
VALUES ($1, to_timestamp($2), to_timestamp($3))
    ON CONFLICT (login_hash) DO UPDATE
   SET logged_out_at = greatest(o.logged_out_at, excluded.logged_out_at),
       usable_until = greatest(o.usable_until, excluded.usable_until);
