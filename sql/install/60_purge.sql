-- Purge: rows that are dead are removed in bounded batches, by the worker or by hand.

CREATE TABLE vpd_private.setting (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    purge_interval interval NOT NULL CHECK (purge_interval BETWEEN '1 minute' AND '60 minutes')
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.setting IS 'Settings of this database: one row, or none where nothing was set.';
COMMENT ON COLUMN vpd_private.setting.is_only_row IS 'Keeps the table at one row.';
COMMENT ON COLUMN vpd_private.setting.purge_interval IS 'Pause between two runs of the purge worker.';
SELECT pg_extension_config_dump('vpd_private.setting', '');

CREATE TABLE vpd_private.job_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job text NOT NULL,
    started_at timestamptz NOT NULL,
    duration interval NOT NULL,
    batches integer NOT NULL,
    expired_sessions bigint NOT NULL,
    removed_sessions bigint NOT NULL,
    removed_tickets bigint NOT NULL,
    removed_messages bigint NOT NULL
);
COMMENT ON TABLE vpd_private.job_run IS 'Runs of the purge, the newest 1000.';
COMMENT ON COLUMN vpd_private.job_run.id IS 'Order of the runs.';
COMMENT ON COLUMN vpd_private.job_run.job IS 'purge (by the worker) or purge by hand.';
COMMENT ON COLUMN vpd_private.job_run.started_at IS 'When the run began.';
COMMENT ON COLUMN vpd_private.job_run.duration IS 'How long it took.';
COMMENT ON COLUMN vpd_private.job_run.batches IS 'Batches it took, one transaction each.';
COMMENT ON COLUMN vpd_private.job_run.expired_sessions IS 'Sessions found past a time-out, ended and announced.';
COMMENT ON COLUMN vpd_private.job_run.removed_sessions IS 'Sessions removed, ended ones and those over for more than a day.';
COMMENT ON COLUMN vpd_private.job_run.removed_tickets IS 'Expired tickets removed.';
COMMENT ON COLUMN vpd_private.job_run.removed_messages IS 'Stale messages and queue entries removed.';

CREATE VIEW vpd.job_runs AS
    SELECT id, job, started_at, duration, batches, expired_sessions, removed_sessions, removed_tickets, removed_messages
      FROM vpd_private.job_run
     ORDER BY id DESC;
COMMENT ON VIEW vpd.job_runs IS 'Runs of the purge, newest first; the newest 1000 are kept.';

CREATE FUNCTION vpd.purge(batch_size integer DEFAULT 10000) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'purge_wrapper';
COMMENT ON FUNCTION vpd.purge IS
'Purges one bounded batch by hand, as the worker does: ends sessions past a time-out and removes tickets past their expiry, stale messages,
queue entries older than a day, sessions that ended more than a minute ago, and logins over for more than a day with all that came out of them. Returns how many rows it ended or removed; call it again while that
is not 0. batch_size: 1 to 100000 rows of each kind. Errors: 22023 argument_invalid, 55000 not_ready on a standby.';

CREATE FUNCTION vpd.set_purge_interval(minutes integer) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'set_purge_interval_wrapper';
COMMENT ON FUNCTION vpd.set_purge_interval IS
'Sets how often the worker purges this database, in minutes, 1 to 60; 2 by default. Takes effect when it commits.
Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.purge_interval() RETURNS interval
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT coalesce((SELECT s.purge_interval FROM vpd_private.setting s), '2 minutes'); END;
COMMENT ON FUNCTION vpd.purge_interval IS 'How often the worker purges this database: every two minutes where nothing was set.';

CREATE FUNCTION vpd_private.wake_launcher() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wake_launcher_wrapper';
COMMENT ON FUNCTION vpd_private.wake_launcher IS 'Tells the launcher of the purge workers to look at this database.';
