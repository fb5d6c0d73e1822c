-- Ends sessions with all that came out of them, at any depth and whatever the reason. No other statement ends a session. In the order of their ids, so that
-- of two who end the same one waits for the other.
-- $1 the sessions to begin with, $2 why, $3 whether rows that somebody else holds are waited for. They are passed over when the sessions are dead without it, by their
-- era or their clocks: whoever holds one, to end another or for as long as he likes, then holds up nobody. Returns those it ended, with user and application.
WITH RECURSIVE doomed (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.parent_id = d.id
), waited_for AS (
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.id = d.id
     WHERE $3
       AND s.ended_at IS NULL
     ORDER BY s.id
       FOR UPDATE OF s
), unheld AS (
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.id = d.id
     WHERE NOT $3
       AND s.ended_at IS NULL
     ORDER BY s.id
       FOR UPDATE OF s SKIP LOCKED
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = left($2, 64)
  FROM (SELECT id FROM waited_for UNION ALL SELECT id FROM unheld) held
 WHERE s.id = held.id
   AND s.ended_at IS NULL
RETURNING s.id, s.user_name, s.app;
