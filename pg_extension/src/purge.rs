//! The purge: one bounded batch of each kind of dead row. No loop and no clock of its own: `sys::worker` calls it again.

use crate::error::{Error, Result};
use crate::policy;
use crate::session;
use crate::sys::counts::Counts;
use crate::sys::spi::{Statement, arg};
use crate::sys::worker;
use crate::sys::xact;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use std::collections::BTreeMap;

const MAX_BATCH: i32 = 100_000;

thread_local! {
    static DUE: Statement = const { Statement::scanning(include_str!("../../sql/query/purge/due.sql")) };
    static USES: Statement = const { Statement::scanning(include_str!("../../sql/query/purge/uses.sql")) };
    static SESSIONS: Statement = const { Statement::scanning(include_str!("../../sql/query/purge/sessions.sql")) };
    static TOKENS: Statement = const { Statement::scanning(include_str!("../../sql/query/purge/tokens.sql")) };
    static AUTHORITIES: Statement = const { Statement::scanning(include_str!("../../sql/query/purge/authorities.sql")) };
    static TICKETS: Statement = const { Statement::new(include_str!("../../sql/query/purge/tickets.sql")) };
    static MESSAGES: Statement = const { Statement::new(include_str!("../../sql/query/purge/messages.sql")) };
    static QUEUE: Statement = const { Statement::new(include_str!("../../sql/query/purge/queue.sql")) };
    static LOG: Statement = const { Statement::new(include_str!("../../sql/query/purge/log.sql")) };
    static INTERVAL: Statement = const { Statement::new(include_str!("../../sql/query/purge/interval.sql")) };
    static SET_INTERVAL: Statement = const { Statement::new(include_str!("../../sql/query/purge/set_interval.sql")) };
}

/// One batch, at most `batch_size` rows of each kind.
pub fn run_batch(batch_size: i32) -> Result<Counts> {
    if !(1..=MAX_BATCH).contains(&batch_size) {
        return Err(Error::argument("batch_size is out of range", "Use 1 to 100000."));
    }
    if xact::is_standby() {
        return Err(Error::not_ready(
            "a standby is not purged",
            "The primary purges; its removals arrive here.",
        ));
    }
    let ended = end_due(batch_size);
    let remove = |statement: &Statement| statement.execute(&[arg(batch_size)]);
    USES.with(remove);
    TOKENS.with(remove);
    AUTHORITIES.with(remove);
    policy::exemption::end_stale();
    let (sessions, tickets) = (SESSIONS.with(remove), TICKETS.with(remove));
    let (messages, queue) = (MESSAGES.with(remove), QUEUE.with(remove));
    let limit = u64::from(batch_size.unsigned_abs());
    Ok(Counts {
        expired_sessions: ended,
        removed_sessions: sessions,
        removed_tickets: tickets,
        removed_messages: messages + queue,
        is_full: [ended, sessions, tickets, messages, queue]
            .iter()
            .any(|n| *n >= limit),
    })
}

/// Ends sessions that are over, with all that came out of them; returns how many.
fn end_due(batch_size: i32) -> u64 {
    let due = DUE.with(|statement| {
        statement.query(&[arg(batch_size)], |row| {
            Some((row.get::<Uuid>(1)?, row.get::<String>(2)?))
        })
    });
    let mut by_reason: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (session_id, reason) in due.into_iter().flatten() {
        by_reason.entry(reason).or_default().push(session_id);
    }
    by_reason
        .into_iter()
        .map(|(reason, sessions)| session::end(sessions, &reason, None))
        .sum()
}

/// Leaves a row in the log of runs.
pub fn log_run(job: &str, started_at: TimestampWithTimeZone, batches: i32, counts: Counts) {
    let number = |count: u64| arg(i64::try_from(count).unwrap_or(i64::MAX));
    LOG.with(|statement| {
        statement.execute(&[
            arg(job),
            arg(started_at),
            arg(batches),
            number(counts.expired_sessions),
            number(counts.removed_sessions),
            number(counts.removed_tickets),
            number(counts.removed_messages),
        ])
    });
}

/// Seconds between two runs of the worker.
pub fn interval_seconds() -> u32 {
    let seconds = INTERVAL
        .with(|statement| statement.query_one(&[], |row| row.get::<i32>(1)))
        .flatten();
    seconds
        .and_then(|seconds| u32::try_from(seconds).ok())
        .unwrap_or(120)
}

/// Sets the pause between two runs, in minutes.
pub fn set_interval(minutes: i32) -> Result<()> {
    if !(1..=60).contains(&minutes) {
        return Err(Error::argument(
            "the purge interval is out of range",
            "Use 1 to 60 minutes.",
        ));
    }
    SET_INTERVAL.with(|statement| statement.execute(&[arg(minutes)]));
    worker::call_launcher_at_commit();
    Ok(())
}
