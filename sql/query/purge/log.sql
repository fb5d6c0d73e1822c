-- Leaves a row of a run and keeps the newest 1000.
WITH kept AS (
    INSERT INTO vpd_private.job_run
           (job, started_at, duration, batches, expired_sessions, removed_sessions, removed_tickets, removed_messages)
    VALUES ($1, $2, clock_timestamp() - $2, $3, $4, $5, $6, $7)
    RETURNING id
)
DELETE FROM vpd_private.job_run j USING kept WHERE j.id <= kept.id - 1000;
