-- Cross-domain messages: one front end records a keep-alive, the other validates it; a refusal closes both.

CREATE TABLE vpd_private.message (
    message_hash bytea PRIMARY KEY,
    root_id uuid NOT NULL,
    source_app text NOT NULL,
    target_app text NOT NULL,
    recorded_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX message_expiry_idx ON vpd_private.message (expires_at);
COMMENT ON TABLE vpd_private.message IS 'Keep-alives recorded and not validated yet; validating moves the row to message_spent.';
COMMENT ON COLUMN vpd_private.message.message_hash IS 'SHA-256 of the message''s nonce.';
COMMENT ON COLUMN vpd_private.message.root_id IS 'Session whose clocks the keep-alive moves.';
COMMENT ON COLUMN vpd_private.message.source_app IS 'Application that recorded it.';
COMMENT ON COLUMN vpd_private.message.target_app IS 'Application that may validate it.';
COMMENT ON COLUMN vpd_private.message.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN vpd_private.message.expires_at IS 'From this moment it is stale; 60 seconds after recording.';

CREATE TABLE vpd_private.message_spent (
    message_hash bytea PRIMARY KEY,
    root_id uuid NOT NULL
);
CREATE INDEX message_spent_root_idx ON vpd_private.message_spent (root_id);
COMMENT ON TABLE vpd_private.message_spent IS
'Keep-alives of sessions that are used or stale: one that comes again is told from one that nobody recorded. They go with their session.';
COMMENT ON COLUMN vpd_private.message_spent.message_hash IS 'SHA-256 of the message''s nonce.';
COMMENT ON COLUMN vpd_private.message_spent.root_id IS 'Session it was recorded for.';

CREATE TABLE vpd_private.queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL,
    app text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('close')),
    reason text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX queue_session_idx ON vpd_private.queue (session_id, app);
CREATE INDEX queue_created_idx ON vpd_private.queue (created_at);
COMMENT ON TABLE vpd_private.queue IS 'Messages waiting for an application.';
COMMENT ON COLUMN vpd_private.queue.id IS 'Order of arrival.';
COMMENT ON COLUMN vpd_private.queue.session_id IS 'Session the message is about.';
COMMENT ON COLUMN vpd_private.queue.app IS 'Application the message is for.';
COMMENT ON COLUMN vpd_private.queue.kind IS 'close: the session is over, the application closes itself.';
COMMENT ON COLUMN vpd_private.queue.reason IS 'Why.';
COMMENT ON COLUMN vpd_private.queue.created_at IS 'When it was queued.';

CREATE FUNCTION vpd.record_message(token text, target_app text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'record_message_wrapper';
COMMENT ON FUNCTION vpd.record_message IS
'Records a keep-alive of the token''s application for target_app and returns its nonce (vm_…), good for 60 seconds and one validation.
Errors: 28000 session_invalid, 42704 app_not_found.';

CREATE FUNCTION vpd.validate_message(token text, message text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'validate_message_wrapper';
COMMENT ON FUNCTION vpd.validate_message IS
'Validates and consumes a keep-alive that another application sent to the token''s application.
True: it was recorded for this session and application, is fresh and was not used before. The idle clock moved on, never past the absolute
limit, if the token is that of the login and not one that was got by handoff. Messages may come in any order. False with a WARNING 28000 message_stale: it was recorded for them, and is used or older than 60
seconds; nothing changed. False with a WARNING 28000 message_invalid: nobody recorded it for them; the session was ended and a close message
queued for the other applications. A verdict and not an exception because an exception would undo the ending. Commit after it.
Errors: 28000 session_invalid when the token itself opens no live session.';

CREATE FUNCTION vpd.browse_queue(token text) RETURNS TABLE (
    id bigint,
    kind text,
    reason text,
    created_at timestamptz
)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
    AS 'MODULE_PATHNAME', 'browse_queue_wrapper';
COMMENT ON FUNCTION vpd.browse_queue IS
'Messages waiting for the token''s application in the token''s session, oldest first, left in place. Works with the token of an
ended session. For a session that is over, with nothing queued, and for an unknown token: one close message with id 0.';

CREATE FUNCTION vpd.ack_message(token text, id bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ack_message_wrapper';
COMMENT ON FUNCTION vpd.ack_message IS
'Removes one message of browse_queue. Returns false when there is no such message for this token.
A queued message raises NOTIFY vpd_queue with the session''s public identifier as payload; it only wakes listeners.';
