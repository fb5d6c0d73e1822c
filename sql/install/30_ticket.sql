-- Handoff tickets: one front end asks for one, another redeems it, once.

CREATE TABLE vpd_private.ticket (
    ticket_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL,
    source_app text NOT NULL,
    target_app text NOT NULL,
    challenge bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    made_in bigint NOT NULL
);
CREATE INDEX ticket_session_idx ON vpd_private.ticket (session_id);
CREATE INDEX ticket_expiry_idx ON vpd_private.ticket (expires_at);
COMMENT ON TABLE vpd_private.ticket IS
'Tickets given out and not redeemed yet; redeeming removes the row, and the token it gave remembers the ticket''s hash, so that a replay is recognised.';
COMMENT ON COLUMN vpd_private.ticket.ticket_hash IS 'SHA-256 of the ticket.';
COMMENT ON COLUMN vpd_private.ticket.session_id IS 'Session that is handed over.';
COMMENT ON COLUMN vpd_private.ticket.source_app IS 'Application that asked for the ticket.';
COMMENT ON COLUMN vpd_private.ticket.target_app IS 'The only application that may redeem it.';
COMMENT ON COLUMN vpd_private.ticket.challenge IS 'SHA-256 of the verifier the redeeming browser must present (RFC 7636, S256).';
COMMENT ON COLUMN vpd_private.ticket.issued_at IS 'When it was given out.';
COMMENT ON COLUMN vpd_private.ticket.expires_at IS 'From this moment it is dead.';
COMMENT ON COLUMN vpd_private.ticket.made_in IS
'The sum of the generations of both applications in session_era when it was given out. Another sum: one of them was dropped or moved.';

CREATE FUNCTION vpd.issue_ticket(token text, target_app text, challenge text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'issue_ticket_wrapper';
COMMENT ON FUNCTION vpd.issue_ticket IS
'Gives out a one-time ticket (vt_…) that hands the token''s session over to target_app.
challenge is BASE64URL(SHA256(verifier)), 43 characters (RFC 7636, S256). The ticket lives for the ticket_lifetime of the source application.
Of more than 10 open tickets of a session the oldest is taken back.
Errors: 28000 session_invalid, 42704 app_not_found, 22023 argument_invalid.';

CREATE FUNCTION vpd.redeem_ticket(ticket text, target_app text, verifier text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'redeem_ticket_wrapper';
COMMENT ON FUNCTION vpd.redeem_ticket IS
'Redeems a ticket, once, and returns a token (vs_…) for target_app: for the same session within a pillar, for a new session
that carries the identity only, with every limit of the first, across pillars. Returns NULL, with a WARNING 28000 ticket_invalid, for a ticket that is unknown, expired, used,
for another application or shown with the wrong verifier: all alike. It is a verdict and not an exception because an
exception would undo what a refusal records. Presenting a redeemed ticket again ends the session it gave, with all that came out of it
(OWASP ASVS 5.0 10.4.2, RFC 6749 4.1.2). Commit after a refusal.
Errors: 53400 limit_sessions when the user holds as many sessions of the target as it allows; the ticket stays good.';
