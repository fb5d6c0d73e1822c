-- 256 random bits for a database ($1). They come from here, so that they never are a parameter, which a log may show.
INSERT INTO vpd_private.signing_secret (database, secret)
VALUES ($1, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
RETURNING secret;
