-- The audit trail: records in the order in which they were written, each with the hash of the one before, and the personal part of each, which can be erased.

-- What is hashed is UTF-8.
DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the encoding of this database is %, and pg_vpd needs UTF8', current_setting('server_encoding')
              USING ERRCODE = 'feature_not_supported', DETAIL = 'code: encoding_unsupported', HINT = 'Create the database with ENCODING ''UTF8''.';
    END IF;
END
$$;

CREATE TABLE vpd_private.audit_record (
    sequence bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    event text NOT NULL,
    verdict text NOT NULL,
    code text,
    database_role text NOT NULL,
    process_id bigint,
    session_id text,
    app text,
    relation text,
    command text,
    statement_id bigint,
    row_count bigint,
    transaction_id bigint,
    predicates text,
    personal_hash bytea NOT NULL,
    hash bytea NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX audit_record_sequence_idx ON vpd_private.audit_record (sequence);
CREATE INDEX audit_record_session_idx ON vpd_private.audit_record (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX audit_record_relation_idx ON vpd_private.audit_record (relation, recorded_at) WHERE relation IS NOT NULL;
CREATE INDEX audit_record_alarm_idx ON vpd_private.audit_record (sequence)
    WHERE event IN ('audit.gap', 'audit.lost', 'message.refused', 'ticket.replayed', 'token.replayed');
COMMENT ON TABLE vpd_private.audit_record IS 'Records of the audit trail: what happened. A partition a month, made when it is needed.';
COMMENT ON COLUMN vpd_private.audit_record.sequence IS 'Place in the trail, from 1 on, without gaps.';
COMMENT ON COLUMN vpd_private.audit_record.recorded_at IS 'When it happened.';
COMMENT ON COLUMN vpd_private.audit_record.event IS 'What happened.';
COMMENT ON COLUMN vpd_private.audit_record.verdict IS 'ok, or the SQLSTATE that it ended with.';
COMMENT ON COLUMN vpd_private.audit_record.code IS 'The stable token of a refusal.';
COMMENT ON COLUMN vpd_private.audit_record.database_role IS 'The role that the connection was authorized for; empty for the server itself.';
COMMENT ON COLUMN vpd_private.audit_record.process_id IS 'The process of the server.';
COMMENT ON COLUMN vpd_private.audit_record.session_id IS 'The session that was attached, or that it is about.';
COMMENT ON COLUMN vpd_private.audit_record.app IS 'Its application.';
COMMENT ON COLUMN vpd_private.audit_record.relation IS 'The table, with its schema.';
COMMENT ON COLUMN vpd_private.audit_record.command IS 'SELECT, INSERT, UPDATE, DELETE, or the function that was called.';
COMMENT ON COLUMN vpd_private.audit_record.statement_id IS 'The server''s number for statements that differ in constants only.';
COMMENT ON COLUMN vpd_private.audit_record.row_count IS 'Rows that came out or were written; records that were lost.';
COMMENT ON COLUMN vpd_private.audit_record.transaction_id IS 'The transaction (xid8), once it had written something.';
COMMENT ON COLUMN vpd_private.audit_record.predicates IS 'The predicates that were applied, a JSON array of policy, version and hash.';
COMMENT ON COLUMN vpd_private.audit_record.personal_hash IS 'SHA-256 of salt and personal part.';
COMMENT ON COLUMN vpd_private.audit_record.hash IS 'SHA-256 of the hash before, the number and the record.';

CREATE TABLE vpd_private.audit_person (
    sequence bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    salt bytea,
    user_name text,
    actors text,
    audit_identity text,
    client_address text,
    statement text,
    details text
) PARTITION BY RANGE (recorded_at);
CREATE INDEX audit_person_sequence_idx ON vpd_private.audit_person (sequence);
CREATE INDEX audit_person_user_idx ON vpd_private.audit_person (user_name) WHERE user_name IS NOT NULL;
COMMENT ON TABLE vpd_private.audit_person IS 'The personal part of each record, which can be erased without breaking the trail. A partition a month.';
COMMENT ON COLUMN vpd_private.audit_person.sequence IS 'The record.';
COMMENT ON COLUMN vpd_private.audit_person.recorded_at IS 'When it happened.';
COMMENT ON COLUMN vpd_private.audit_person.salt IS 'What was hashed with it; NULL once it was erased.';
COMMENT ON COLUMN vpd_private.audit_person.user_name IS 'The user.';
COMMENT ON COLUMN vpd_private.audit_person.actors IS 'Who acted for him, a JSON array, the nearest first.';
COMMENT ON COLUMN vpd_private.audit_person.audit_identity IS 'Under which identity changes were recorded.';
COMMENT ON COLUMN vpd_private.audit_person.client_address IS 'Where the connection came from.';
COMMENT ON COLUMN vpd_private.audit_person.statement IS 'The statement, with its constants left out.';
COMMENT ON COLUMN vpd_private.audit_person.details IS 'What else there is to tell, a JSON object.';

CREATE TABLE vpd_private.audit_state (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    last_sequence bigint NOT NULL,
    last_hash bytea NOT NULL,
    ring bytea,
    ring_number bigint NOT NULL,
    retention interval CHECK (retention >= '1 day')
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.audit_state IS 'Where the audit trail ends: one row.';
COMMENT ON COLUMN vpd_private.audit_state.is_only_row IS 'Keeps the table at one row.';
COMMENT ON COLUMN vpd_private.audit_state.last_sequence IS 'The last record.';
COMMENT ON COLUMN vpd_private.audit_state.last_hash IS 'Its hash; zeros before the first.';
COMMENT ON COLUMN vpd_private.audit_state.ring IS 'The ring that it came through.';
COMMENT ON COLUMN vpd_private.audit_state.ring_number IS 'Its number in the ring.';
COMMENT ON COLUMN vpd_private.audit_state.retention IS 'How long records are kept; NULL for ever.';
INSERT INTO vpd_private.audit_state (last_sequence, last_hash, ring_number) VALUES (0, decode(repeat('00', 32), 'hex'), 0);

CREATE TABLE vpd_private.audit_checkpoint (
    sequence bigint PRIMARY KEY,
    hash bytea NOT NULL,
    made_at timestamptz NOT NULL,
    kid text NOT NULL,
    signature bytea NOT NULL,
    is_stub boolean NOT NULL
);
COMMENT ON TABLE vpd_private.audit_checkpoint IS 'Signatures over the place up to which the audit trail went.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.sequence IS 'The record.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.hash IS 'Its hash.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.made_at IS 'When it was signed.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.kid IS 'The key that signed, see vpd.signing_keys.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.signature IS 'Ed25519 over the text that the documents tell.';
COMMENT ON COLUMN vpd_private.audit_checkpoint.is_stub IS 'Whether it stands for all records up to it, which were dropped when their time was over.';

-- Counted when they are written, because records go when their time is over, and a count that falls tells nothing.
CREATE TABLE vpd_private.audit_alarm (
    event text PRIMARY KEY,
    alarms bigint NOT NULL DEFAULT 0,
    last_at timestamptz
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.audit_alarm IS 'How many records there were that somebody should look at soon.';
COMMENT ON COLUMN vpd_private.audit_alarm.event IS 'What happened.';
COMMENT ON COLUMN vpd_private.audit_alarm.alarms IS 'How often, since the extension was created.';
COMMENT ON COLUMN vpd_private.audit_alarm.last_at IS 'When last.';
INSERT INTO vpd_private.audit_alarm (event) VALUES ('audit.gap'), ('audit.lost'), ('message.refused'), ('ticket.replayed'), ('token.replayed');

CREATE VIEW vpd.audit_checkpoints AS
    SELECT sequence, hash, made_at, kid, signature, is_stub
      FROM vpd_private.audit_checkpoint;
COMMENT ON VIEW vpd.audit_checkpoints IS
'Signatures over the place up to which the audit trail went. Keep one elsewhere: whoever could write all of the trail anew, with its checkpoints, cannot make that one again.';

CREATE VIEW vpd.audit_trail AS
    SELECT r.sequence,
           r.recorded_at,
           r.event,
           r.verdict,
           r.code,
           r.database_role,
           r.process_id,
           p.user_name,
           p.actors::jsonb AS actors,
           p.audit_identity,
           r.session_id,
           r.app,
           p.client_address,
           r.relation,
           r.command,
           r.statement_id,
           p.statement,
           r.row_count,
           r.transaction_id,
           r.predicates::jsonb AS predicates,
           p.details,
           p.salt IS NULL AS is_erased,
           r.hash
      FROM vpd_private.audit_record r
      LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at;
COMMENT ON VIEW vpd.audit_trail IS 'The audit trail: what happened, who did it, and how it ended. Order by sequence.';

COMMENT ON COLUMN vpd.audit_trail.sequence IS 'Place in the trail, from 1 on, without gaps.';
COMMENT ON COLUMN vpd.audit_trail.is_erased IS 'Whether the personal part was erased: who stands there was put there afterwards.';

CREATE VIEW vpd.alarms AS
    SELECT r.sequence, r.recorded_at, r.event, p.user_name, r.session_id, r.app, r.row_count, p.details
      FROM vpd_private.audit_record r
      LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at
     WHERE r.event IN ('audit.gap', 'audit.lost', 'message.refused', 'ticket.replayed', 'token.replayed');
COMMENT ON VIEW vpd.alarms IS
'Records that somebody should look at soon: a ticket or token that was used before, a message that nobody sent, records that were lost. Each is told on the channel
vpd_alarm too, by its sequence and event.';

COMMENT ON COLUMN vpd.alarms.sequence IS 'The record.';

CREATE VIEW vpd.alarm_counts AS
    SELECT event, alarms, last_at
      FROM vpd_private.audit_alarm;
COMMENT ON VIEW vpd.alarm_counts IS
'How many alarms there were, by event, since the extension was created: for whoever watches the database and may not read who or what they are about. The count never falls,
though records are dropped when their time is over; a database that was restored begins with 0.';
COMMENT ON COLUMN vpd.alarm_counts.event IS 'What happened, as in vpd.alarms.';
COMMENT ON COLUMN vpd.alarm_counts.alarms IS 'How often.';
COMMENT ON COLUMN vpd.alarm_counts.last_at IS 'When last; NULL for never.';

CREATE VIEW vpd.audit_export AS
    SELECT r.sequence,
           jsonb_build_object(
               'record',
               jsonb_strip_nulls(
                   jsonb_build_object(
                       'sequence', r.sequence,
                       'recorded_at', (extract(epoch FROM r.recorded_at - '2000-01-01 00:00:00+00'::timestamptz) * 1000000)::bigint,
                       'event', r.event,
                       'verdict', r.verdict,
                       'code', r.code,
                       'database_role', r.database_role,
                       'process_id', r.process_id,
                       'session_id', r.session_id,
                       'app', r.app,
                       'relation', r.relation,
                       'command', r.command,
                       'statement_id', r.statement_id,
                       'row_count', r.row_count,
                       'transaction_id', r.transaction_id,
                       'predicates', r.predicates,
                       'user_name', p.user_name,
                       'actors', p.actors,
                       'audit_identity', p.audit_identity,
                       'client_address', p.client_address,
                       'statement', p.statement,
                       'details', p.details
                   ) || jsonb_build_object(
                       'salt', encode(p.salt, 'hex'),
                       'personal_hash', encode(r.personal_hash, 'hex'),
                       'hash', encode(r.hash, 'hex')
                   )
               )
           ) AS line
      FROM vpd_private.audit_record r
      LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at;
COMMENT ON VIEW vpd.audit_export IS 'The audit trail as session-bridge audit export writes it: a JSON document for each record, with all that was hashed.';
COMMENT ON COLUMN vpd.audit_export.sequence IS 'The record.';
COMMENT ON COLUMN vpd.audit_export.line IS 'The record with its salt and its hashes, in hexadecimal.';

CREATE FUNCTION vpd.verify_audit(first_sequence bigint DEFAULT NULL, last_sequence bigint DEFAULT NULL)
    RETURNS TABLE (records bigint, checkpoints bigint, is_intact boolean, first_broken bigint, problem text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'verify_audit_wrapper';
COMMENT ON FUNCTION vpd.verify_audit IS
'Looks whether the audit trail is what was written: every record there, in its order, with the hash of what it says and of the one before, and its personal part unless
that was erased. Arguments: the first and the last record to look at; all without them. Returns how many records, and checkpoints among them, are as they were, and the first that is not, with why:
sequence or missing (records were removed or added), personal_part, hash, checkpoint (another record was signed), signature.
Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.set_audit_retention(retention interval) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'set_audit_retention_wrapper';
COMMENT ON FUNCTION vpd.set_audit_retention IS
'How long records of the audit trail are kept, a day at least; NULL, as at first, for ever. Whole months go, once their last record is older; a signed checkpoint stands for
them, so that what follows can be verified. Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.flush_audit() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'flush_audit_wrapper';
COMMENT ON FUNCTION vpd.flush_audit IS
'Waits until everything that was recorded so far, by whomever, is in the audit trail for good; returns the last record. Errors: 55000 audit_unavailable when that takes
longer than the setting vpd.audit_wait says.';

CREATE FUNCTION vpd.audit_status()
    RETURNS TABLE (scribe integer, last_sequence bigint, ring_usage double precision, lost bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'audit_status_wrapper';
COMMENT ON FUNCTION vpd.audit_status IS
'How the audit trail is doing: the process that writes it (NULL while there is none: it is started when there is something to write), the last record, how full the ring
is (0 to 1), records that were lost since the last one was written.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('auditor', 'audit_trail'),
    ('auditor', 'alarms'),
    ('auditor', 'verify_audit'),
    ('auditor', 'audit_status'),
    ('auditor', 'flush_audit'),
    ('auditor', 'audit_checkpoints'),
    ('auditor', 'audit_export'),
    -- Numbers alone, for the metrics of the bridge: the alarms themselves are not for it.
    ('bridge', 'alarm_counts'),
    ('auditor', 'alarm_counts'),
    ('security_admin', 'alarm_counts'),
    ('security_admin', 'set_audit_retention'),
    ('security_admin', 'alarms'),
    ('security_admin', 'audit_status');
