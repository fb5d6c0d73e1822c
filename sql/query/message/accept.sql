-- Consumes a keep-alive, if it was recorded for this session and application, is fresh and in sequence; one row when it was. It moves the idle clock when the
-- application has the clock ($4): two that were handed the session over do not keep it alive between them.
WITH consumed AS (
    DELETE FROM vpd_private.message m
     WHERE m.message_hash = $1
       AND m.root_id = $2
       AND m.target_app = $3
       AND m.expires_at > clock_timestamp()
    RETURNING m.seq
), accepted AS (
    UPDATE vpd_private.session r
       SET last_message_seq = consumed.seq
      FROM consumed
     WHERE r.id = $2
       AND r.ended_at IS NULL
       AND r.last_message_seq < consumed.seq
    RETURNING r.id
), moved AS (
    INSERT INTO vpd_private.session_use (root_id, used_at)
    SELECT id, clock_timestamp() FROM accepted WHERE $4
)
SELECT FROM accepted;
