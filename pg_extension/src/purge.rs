//! The purge: one bounded batch of each kind of dead row. No loop and no clock of its own: `sys::worker` calls it again.
//!
//! What a batch costs depends on the batch: rows are taken in the order of a time that is indexed, going forward (`course`), what hangs on removed sessions is
//! found by their keys, and what a race left behind is looked for in a stretch of each table (`left_behind`).

mod course;
mod left_behind;
mod session;

use crate::error::{Error, Result};
use crate::policy;
use crate::sys::counts::Counts;
use crate::sys::spi::{arg, statements};
use crate::sys::worker;
use crate::sys::xact;
use course::Course;
use pgrx::datum::TimestampWithTimeZone;

const MAX_BATCH: i32 = 100_000;

/// Removed so many seconds after their end; who is told of it may ask what became of them meanwhile.
const SESSION_GRACE: i64 = 60;
const QUEUE_GRACE: i64 = 24 * 60 * 60;
/// A token is remembered for longer than it is usable, in case the clock of the server is put back.
const IDENTITY_TOKEN_GRACE: i64 = 24 * 60 * 60;

/// What is gone through in the order of a time.
struct Courses {
    due: Course,
    sessions: Course,
    tickets: Course,
    messages: Course,
    queue: Course,
    identity_tokens: Course,
    provider_logouts: Course,
}

statements! {
    LOG = "purge/log.sql";
    INTERVAL = "purge/interval.sql";
    SET_INTERVAL = "purge/set_interval.sql";
}

thread_local! {
    static COURSES: Courses = const {
        Courses {
            due: Course::of(include_str!("../../sql/query/purge/due.sql"), 0),
            sessions: Course::of(include_str!("../../sql/query/purge/sessions.sql"), SESSION_GRACE),
            tickets: Course::of(include_str!("../../sql/query/purge/tickets.sql"), 0),
            messages: Course::of(include_str!("../../sql/query/purge/messages.sql"), 0),
            queue: Course::of(include_str!("../../sql/query/purge/queue.sql"), QUEUE_GRACE),
            identity_tokens: Course::of(
                include_str!("../../sql/query/purge/identity_tokens.sql"),
                IDENTITY_TOKEN_GRACE,
            ),
            provider_logouts: Course::of(
                include_str!("../../sql/query/purge/provider_logouts.sql"),
                IDENTITY_TOKEN_GRACE,
            ),
        }
    };
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
    let mut counts = COURSES.with(|courses| {
        let is_onward = courses.all().iter().any(|course| course.has_begun());
        let counts = courses.advance(batch_size);
        if counts.total() > 0 || !is_onward {
            return counts;
        }
        // Whoever calls until nothing is left is told so when nothing is.
        for course in courses.all() {
            course.rewind();
        }
        courses.advance(batch_size)
    });
    if !counts.is_full {
        // The rest is in no hurry: the last batch of a run sees to it.
        policy::exemption::end_stale();
        counts.expired_sessions += left_behind::end(batch_size);
        counts.is_full = left_behind::remove(batch_size);
    }
    Ok(counts)
}

impl Courses {
    fn advance(&self, batch_size: i32) -> Counts {
        let limit = u64::from(batch_size.unsigned_abs());
        let due = session::end_due(&self.due, batch_size, QUEUE_GRACE);
        let sessions = session::remove_ended(&self.sessions, batch_size);
        let tickets = self.tickets.remove(batch_size);
        let messages = self.messages.remove(batch_size);
        let queue = self.queue.remove(batch_size);
        let identity_tokens = self.identity_tokens.remove(batch_size);
        let logouts = self.provider_logouts.remove(batch_size);
        Counts {
            expired_sessions: due.ended,
            removed_sessions: due.removed + sessions,
            removed_tickets: tickets,
            removed_messages: messages + queue + identity_tokens + logouts,
            is_full: [
                due.seen,
                sessions,
                tickets,
                messages,
                queue,
                identity_tokens,
                logouts,
            ]
            .iter()
            .any(|count| *count >= limit),
        }
    }

    fn all(&self) -> [&Course; 7] {
        [
            &self.due,
            &self.sessions,
            &self.tickets,
            &self.messages,
            &self.queue,
            &self.identity_tokens,
            &self.provider_logouts,
        ]
    }
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
