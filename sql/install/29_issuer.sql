-- Identity providers whose tokens the database itself verifies, and their keys. It never calls out: keys are handed in by a profile of their own.

CREATE TABLE vpd_private.issuer (
    issuer text PRIMARY KEY,
    audiences text[] NOT NULL,
    apps text[] NOT NULL,
    kind text NOT NULL,
    algorithms text[] NOT NULL,
    clock_skew interval NOT NULL,
    max_age interval NOT NULL,
    key_grace interval NOT NULL,
    required_claims jsonb NOT NULL,
    user_claim text NOT NULL,
    user_prefix text NOT NULL,
    roles_claim text NOT NULL,
    groups_claim text NOT NULL,
    attribute_claims jsonb NOT NULL,
    trusted_by text NOT NULL,
    trusted_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.issuer IS 'Identity providers whose tokens open sessions.';
COMMENT ON COLUMN vpd_private.issuer.issuer IS 'The claim iss of its tokens, exactly: an https URL.';
COMMENT ON COLUMN vpd_private.issuer.audiences IS 'Whom its tokens are for: one of these at least.';
COMMENT ON COLUMN vpd_private.issuer.apps IS 'Applications that it speaks for; empty for all.';
COMMENT ON COLUMN vpd_private.issuer.kind IS 'identity (OpenID Connect Core 1.0), access (RFC 9068), or database: another one with this extension.';
COMMENT ON COLUMN vpd_private.issuer.algorithms IS 'What its tokens may be signed with; asymmetric algorithms only.';
COMMENT ON COLUMN vpd_private.issuer.clock_skew IS 'How far its clock may be from that of the database, 0 to 5 minutes.';
COMMENT ON COLUMN vpd_private.issuer.max_age IS 'How old a token may be, 1 second to 24 hours.';
COMMENT ON COLUMN vpd_private.issuer.key_grace IS 'How long a key is accepted after it was withdrawn, 0 to 30 days.';
COMMENT ON COLUMN vpd_private.issuer.required_claims IS 'Claims that must be there, with the values that they may have.';
COMMENT ON COLUMN vpd_private.issuer.user_claim IS 'Where the user is named: a claim, or a JSON Pointer (RFC 6901).';
COMMENT ON COLUMN vpd_private.issuer.user_prefix IS 'What is put before the name, so that two issuers name different users.';
COMMENT ON COLUMN vpd_private.issuer.roles_claim IS 'Where roles are; empty for nowhere.';
COMMENT ON COLUMN vpd_private.issuer.groups_claim IS 'Where groups are; empty for nowhere.';
COMMENT ON COLUMN vpd_private.issuer.attribute_claims IS 'Where attributes are, by namespace.';
COMMENT ON COLUMN vpd_private.issuer.trusted_by IS 'Who registered or changed it last.';
COMMENT ON COLUMN vpd_private.issuer.trusted_at IS 'When it was registered or changed last.';
SELECT pg_extension_config_dump('vpd_private.issuer', '');

CREATE TABLE vpd_private.issuer_key (
    issuer text NOT NULL,
    kid text NOT NULL,
    thumbprint text NOT NULL,
    key jsonb NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz,
    PRIMARY KEY (issuer, kid)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.issuer_key IS 'Public keys of issuers, with the time they came and went.';
COMMENT ON COLUMN vpd_private.issuer_key.issuer IS 'Whose key it is.';
COMMENT ON COLUMN vpd_private.issuer_key.kid IS 'Its identifier.';
COMMENT ON COLUMN vpd_private.issuer_key.thumbprint IS 'Its thumbprint, SHA-256 (RFC 7638).';
COMMENT ON COLUMN vpd_private.issuer_key.key IS 'The key (RFC 7517), public members only.';
COMMENT ON COLUMN vpd_private.issuer_key.added_at IS 'When it came.';
COMMENT ON COLUMN vpd_private.issuer_key.retired_at IS 'When the issuer withdrew it; NULL while it has it.';
SELECT pg_extension_config_dump('vpd_private.issuer_key', '');

CREATE TABLE vpd_private.identity_token (
    token_hash bytea PRIMARY KEY,
    issuer text NOT NULL,
    usable_until timestamptz NOT NULL
);
SELECT pg_extension_config_dump('vpd_private.identity_token', '');
CREATE INDEX identity_token_usable_idx ON vpd_private.identity_token (usable_until);
COMMENT ON TABLE vpd_private.identity_token IS 'Tokens that have opened a session: each opens one.';
COMMENT ON COLUMN vpd_private.identity_token.token_hash IS 'SHA-256 of header and claims; another signature makes no other token.';
COMMENT ON COLUMN vpd_private.identity_token.issuer IS 'Who made it.';
COMMENT ON COLUMN vpd_private.identity_token.usable_until IS 'Until when it would be accepted; the purge removes it a day later.';

CREATE TABLE vpd_private.provider_logout (
    login_hash bytea PRIMARY KEY,
    logged_out_at timestamptz NOT NULL,
    usable_until timestamptz NOT NULL
);
SELECT pg_extension_config_dump('vpd_private.provider_logout', '');
CREATE INDEX provider_logout_usable_idx ON vpd_private.provider_logout (usable_until);
COMMENT ON TABLE vpd_private.provider_logout IS 'Logins that are over at their identity provider: a token that was made before opens no session any more.';
COMMENT ON COLUMN vpd_private.provider_logout.login_hash IS 'SHA-256 of the issuer and the session there, or the user there.';
COMMENT ON COLUMN vpd_private.provider_logout.logged_out_at IS 'When the provider said so, by its own clock.';
COMMENT ON COLUMN vpd_private.provider_logout.usable_until IS 'Until when a token from before could be accepted; the purge removes the row a day later.';

CREATE FUNCTION vpd.trust_issuer(
    issuer text,
    audiences text[],
    apps text[] DEFAULT '{}',
    kind text DEFAULT 'identity',
    algorithms text[] DEFAULT '{RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,EdDSA}',
    clock_skew interval DEFAULT '30 seconds',
    max_age interval DEFAULT '10 minutes',
    key_grace interval DEFAULT '1 hour',
    required_claims jsonb DEFAULT '{}',
    user_claim text DEFAULT 'sub',
    user_prefix text DEFAULT '',
    roles_claim text DEFAULT '',
    groups_claim text DEFAULT '',
    attribute_claims jsonb DEFAULT '{}'
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'trust_issuer_wrapper';
COMMENT ON FUNCTION vpd.trust_issuer IS
'Registers an identity provider, or changes its registration: from then on its tokens open sessions by vpd.create_session_from_token. Its keys are handed in with
vpd.set_issuer_keys.
Arguments: issuer (the claim iss, an https URL; http for loopback alone), audiences (1 to 100; one of them must be in aud), apps (those it speaks for; empty for all),
kind (identity, access for RFC 9068, or database for another one with this extension: see vpd.sign_identity), algorithms (asymmetric only), clock_skew (0 to 5 minutes), max_age (how old a token may be, 1 second to 24 hours), key_grace
(how long a withdrawn key is accepted, 0 to 30 days), required_claims ({"claim": value or [value, …]}), user_claim, roles_claim, groups_claim (the name of a claim, or a
JSON Pointer, RFC 6901, such as /realm_access/roles), user_prefix (put before the name), attribute_claims ({"namespace": "claim" or {"name": "claim", …}}; the namespace
identity is filled with issuer, acr and amr). A claim that is not there gives no role, group or attribute.
A database signs with EdDSA, names the user in sub, and gives no role, group or attribute; apps must be named.
Errors: 22023 argument_invalid, 42704 app_not_found.';

CREATE FUNCTION vpd.alter_issuer(
    issuer text,
    audiences text[] DEFAULT NULL,
    apps text[] DEFAULT NULL,
    kind text DEFAULT NULL,
    algorithms text[] DEFAULT NULL,
    clock_skew interval DEFAULT NULL,
    max_age interval DEFAULT NULL,
    key_grace interval DEFAULT NULL,
    required_claims jsonb DEFAULT NULL,
    user_claim text DEFAULT NULL,
    user_prefix text DEFAULT NULL,
    roles_claim text DEFAULT NULL,
    groups_claim text DEFAULT NULL,
    attribute_claims jsonb DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'alter_issuer_wrapper';
COMMENT ON FUNCTION vpd.alter_issuer IS
'Changes what is given of an issuer''s registration; what is NULL stays. Sessions that it opened go on. Arguments as of vpd.trust_issuer.
Errors: 22023 argument_invalid, 42704 issuer_not_found, app_not_found.';

CREATE FUNCTION vpd.distrust_issuer(issuer text, end_sessions boolean DEFAULT true) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'distrust_issuer_wrapper';
COMMENT ON FUNCTION vpd.distrust_issuer IS
'Trusts an issuer no more, and forgets its keys. With end_sessions every session that its tokens opened ends, one that is being made too; returns how many.
Errors: 42704 issuer_not_found.';

CREATE FUNCTION vpd.set_issuer_keys(issuer text, jwks jsonb)
    RETURNS TABLE (kid text, thumbprint text, change text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'set_issuer_keys_wrapper';
COMMENT ON FUNCTION vpd.set_issuer_keys IS
'Takes the keys that an issuer has now, as its jwks_uri gives them (RFC 7517, 1 to 100 public keys). One that is not among them is retired, and accepted for as long as
the issuer''s key_grace says. Returns a row for each key: added, kept, replaced (another key of the same identifier), restored, retired, or skipped with why: keys for
encryption and of types that are not supported are. With the same keys nothing changes.
Refused, all of them: a secret among them, RSA below 2048 bits, an identifier twice, no key that verifies signatures.
Errors: 22023 argument_invalid, 42704 issuer_not_found.';

CREATE FUNCTION vpd.unknown_keys() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'unknown_keys_wrapper';
COMMENT ON FUNCTION vpd.unknown_keys IS
'How many tokens of trusted issuers have named a key that is not known, since the server started and in all its databases. Whoever hands keys in looks for new ones when the
number rises. It is kept in shared memory, because the transaction of a token that is refused is rolled back. Errors: 55000 not_ready.';

CREATE FUNCTION vpd.create_session_from_token(
    token text,
    app text,
    nonce text DEFAULT NULL,
    language text DEFAULT NULL,
    territory text DEFAULT NULL,
    date_format text DEFAULT NULL,
    number_format text DEFAULT NULL,
    client_address inet DEFAULT NULL,
    user_agent text DEFAULT NULL,
    assumed_role text DEFAULT NULL
) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'create_session_from_token_wrapper';
COMMENT ON FUNCTION vpd.create_session_from_token IS
'Verifies a token of an identity provider that is trusted here, and creates a session for the user it names; returns the session''s token, 256 random bits. Nothing of the
user, his roles, groups and attributes comes from the caller. Each token opens one session.
Arguments: token (JSON Web Token, up to 16 KiB), app, nonce (of the login; then the token must have it), the others as of vpd.create_session.
The token of a database may say who acts for the user (act, RFC 8693): then the session is one on behalf of the user, if the delegations of this database allow it, the
name for audit columns comes along, and assumed_role is one of whoever is logged in.
Checked are signature, algorithm, issuer, audience, authorized party, times, nonce, type and required claims (OpenID Connect Core 1.0, 3.1.3.7; RFC 9068; RFC 8725).
Errors: 28000 token_refused, the same for everything that may be wrong with a token: the audit trail tells which. 28000 assurance_insufficient when the application
demands another authentication; 42704 app_not_found, 53400 limit_sessions, 42501 role_not_held and others as of vpd.create_session and
vpd.create_session_on_behalf.';

CREATE FUNCTION vpd.log_out_from_token(logout_token text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'log_out_from_token_wrapper';
COMMENT ON FUNCTION vpd.log_out_from_token IS
'Verifies a logout token of an identity provider (OpenID Connect Back-Channel Logout 1.0), as vpd.create_session_from_token does with a login, and ends the sessions that the login opened which is over there: those of the session
that it names (sid), or all of the user (sub) at this provider, with all that came out of them. A token of that login which was made before, and comes later, opens no session. Each logout token (jti) counts once. Returns how many sessions ended.
Errors: 28000 token_refused, whatever is wrong: the audit trail tells which.';

CREATE VIEW vpd.issuers AS
    SELECT issuer, kind, audiences, apps, algorithms, clock_skew, max_age, key_grace, required_claims, user_claim, user_prefix, roles_claim, groups_claim,
           attribute_claims, trusted_by, trusted_at
      FROM vpd_private.issuer;
COMMENT ON VIEW vpd.issuers IS 'Identity providers whose tokens open sessions.';

CREATE VIEW vpd.issuer_keys AS
    SELECT k.issuer,
           k.kid,
           k.thumbprint,
           k.added_at,
           k.retired_at,
           k.retired_at IS NULL OR clock_timestamp() < k.retired_at + i.key_grace AS is_accepted
      FROM vpd_private.issuer_key k
      JOIN vpd_private.issuer i ON i.issuer = k.issuer;
COMMENT ON VIEW vpd.issuer_keys IS 'Keys of these providers, those that they withdrew in the last year too.';
COMMENT ON COLUMN vpd.issuer_keys.issuer IS 'Whose key it is.';
COMMENT ON COLUMN vpd.issuer_keys.is_accepted IS 'Whether a token that it signed is accepted now.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('bridge', 'create_session_from_token'),
    ('bridge', 'log_out_from_token'),
    ('key_steward', 'set_issuer_keys'),
    ('bridge', 'issuers'),
    ('bridge', 'issuer_keys'),
    ('key_steward', 'unknown_keys'),
    ('key_steward', 'issuers'),
    ('key_steward', 'issuer_keys'),
    ('session_creator', 'create_session'),
    ('session_creator', 'apps'),
    ('security_admin', 'trust_issuer'),
    ('security_admin', 'alter_issuer'),
    ('security_admin', 'distrust_issuer'),
    ('security_admin', 'issuers'),
    ('security_admin', 'issuer_keys'),
    ('auditor', 'issuers'),
    ('auditor', 'issuer_keys');
