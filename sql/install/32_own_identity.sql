-- What this database says of its sessions to other databases and services.

CREATE TABLE vpd_private.own_issuer (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    issuer text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.own_issuer IS 'The name that this database speaks by.';
COMMENT ON COLUMN vpd_private.own_issuer.is_only IS 'There is one row.';
COMMENT ON COLUMN vpd_private.own_issuer.issuer IS 'The claim iss of its tokens.';
COMMENT ON COLUMN vpd_private.own_issuer.set_by IS 'Who gave it.';
COMMENT ON COLUMN vpd_private.own_issuer.set_at IS 'When it was given.';
SELECT pg_extension_config_dump('vpd_private.own_issuer', '');

CREATE FUNCTION vpd.set_issuer_name(issuer text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'set_issuer_name_wrapper';
COMMENT ON FUNCTION vpd.set_issuer_name IS
'Gives this database the name that its tokens have in iss, an https URL (http for loopback alone); NULL takes it, and nothing is signed any more. Whoever trusts the database
registers it by this name: vpd.trust_issuer(…, kind => ''database''). Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.issuer_name() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'issuer_name_wrapper';
COMMENT ON FUNCTION vpd.issuer_name IS 'The name that the tokens of this database have in iss; NULL when it has none.';

CREATE FUNCTION vpd.sign_identity(audience text, lifetime interval DEFAULT '1 minute') RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'sign_identity_wrapper';
COMMENT ON FUNCTION vpd.sign_identity IS
'A token (JSON Web Token, EdDSA, typ vpd-identity+jwt) that tells another database or service who the attached session is. Arguments: audience (a URL or a name of 1 to 256
visible ASCII characters, whom it is for), lifetime (1 second to 5 minutes; it never outlives the session).
It says iss, sub (the user), aud, iat, nbf, exp, jti, act (who acts for the user, RFC 8693: whoever is logged in stands outside), audit_identity, acting_for, pillar, sid (a hash
of the session''s identifier), acr and auth_time. No roles, no privileges, no attributes.
Errors: 28000 session_invalid without an authenticated session, 42501 privilege_missing for one that runs with one role alone, 22023 argument_invalid, 55000 not_ready
while vpd.set_issuer_name was not called.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('runtime', 'issuer_name'),
    ('runtime', 'sign_identity'),
    ('bridge', 'issuer_name'),
    ('bridge', 'sign_identity'),
    ('security_admin', 'set_issuer_name'),
    ('security_admin', 'issuer_name'),
    ('auditor', 'issuer_name');
