-- The database's own key: Ed25519 (RFC 8032). Public halves stay for good, so that what was signed can be verified later; of private halves there is one at most.

CREATE TABLE vpd_private.signing_key (
    kid text PRIMARY KEY,
    key jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz,
    is_compromised boolean NOT NULL DEFAULT false
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.signing_key IS 'Public halves of the keys that this database signs with, and signed with before.';
COMMENT ON COLUMN vpd_private.signing_key.kid IS 'Its identifier: the thumbprint of the key, SHA-256 (RFC 7638).';
COMMENT ON COLUMN vpd_private.signing_key.key IS 'The key (RFC 8037), public members only.';
COMMENT ON COLUMN vpd_private.signing_key.made_at IS 'When it was made.';
COMMENT ON COLUMN vpd_private.signing_key.is_compromised IS 'Whether its private half may be in other hands: nobody is told of it any more.';
COMMENT ON COLUMN vpd_private.signing_key.retired_at IS 'When another took its place; NULL for the one that signs.';
SELECT pg_extension_config_dump('vpd_private.signing_key', '');

-- Unlogged: nothing of it comes into the log, and so into no backup, standby, archive or publication. A server that crashed or was promoted makes a new key.
CREATE UNLOGGED TABLE vpd_private.signing_secret (
    database bigint PRIMARY KEY,
    secret bytea NOT NULL CHECK (length(secret) = 32)
) WITH (parallel_workers = 0);
ALTER TABLE vpd_private.signing_secret ALTER COLUMN secret SET STATISTICS 0;
COMMENT ON TABLE vpd_private.signing_secret IS
'The private half of the key that signs. Neither dumped nor replicated, and read by nobody but superusers and the library: a copy of the database makes a key of its own.';
COMMENT ON COLUMN vpd_private.signing_secret.database IS 'OID of the database that made it; one that has this one as its template has another.';
COMMENT ON COLUMN vpd_private.signing_secret.secret IS '256 random bits, the seed of the key (RFC 8032, 5.1.5).';

CREATE FUNCTION vpd.rotate_signing_key(is_compromised boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'rotate_signing_key_wrapper';
COMMENT ON FUNCTION vpd.rotate_signing_key IS
'Makes the key that this database signs with from now on; returns its identifier, the thumbprint (RFC 7638). The private half of the former one is gone at once; its public half
stays, in vpd.public_keys for as long as a token that it signed can live; with is_compromised, after a theft, none of the former ones does, and their tokens are refused as soon as others
have the new keys. Commit at once: until then the former key signs. Errors: 55000 not_ready.';

CREATE FUNCTION vpd.public_keys() RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'public_keys_wrapper';
COMMENT ON FUNCTION vpd.public_keys IS
'The keys by which the tokens of vpd.sign_identity are verified, as a set (RFC 7517, 5): the one that signs now, and for 10 minutes each that signed before. Makes the first one
when there is none. Of no use as a credential.';

CREATE VIEW vpd.signing_keys AS
    SELECT kid, key, made_at, retired_at, is_compromised
      FROM vpd_private.signing_key;
COMMENT ON VIEW vpd.signing_keys IS 'Public halves of all keys that this database signs with or signed with, by which what it signed is verified.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('runtime', 'public_keys'),
    ('bridge', 'public_keys'),
    ('security_admin', 'rotate_signing_key'),
    ('security_admin', 'public_keys'),
    ('security_admin', 'signing_keys'),
    ('auditor', 'public_keys'),
    ('auditor', 'signing_keys');
