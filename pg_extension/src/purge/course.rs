//! Rows that are dead in the order of a time, taken batch by batch.
//!
//! A batch begins where the one before stopped. From the beginning it would step over all that was removed before, which stays in table and index until
//! it is vacuumed, and that is not before the oldest transaction ends. What was locked, taken back or dated back meanwhile is found when somebody rewinds.

use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{Arg, Row, Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use std::cell::Cell;

/// A statement that takes at most `$1` dead rows, the first ones from the time `$2` to `$3`, and returns the time of each in its first column. It may ask for more
/// after these three.
pub struct Course {
    statement: Statement,
    /// How long they stay, in seconds.
    grace: i64,
    /// Up to where nothing was left; `None` for the beginning.
    reached: Cell<Option<Timestamp>>,
}

impl Course {
    pub const fn of(text: &'static str, grace: i64) -> Self {
        Self {
            statement: Statement::new(text),
            grace,
            reached: Cell::new(None),
        }
    }

    /// The next batch; fewer rows than asked for when no more are dead from here on.
    pub fn advance<R>(&self, batch_size: i32, further: Vec<Arg>, read: impl Fn(&Row) -> R) -> Vec<R> {
        let from = self.reached.get();
        let until = Timestamp(clock::now().0 - self.grace * 1_000_000);
        let mut reached = from;
        let mut args = vec![arg(batch_size), arg(bound(from)), arg(bound(Some(until)))];
        args.extend(further);
        let taken = self.statement.modify(&args, |row| {
            reached = reached.max(row.timestamp(1));
            read(row)
        });
        let is_full = i32::try_from(taken.len()).is_ok_and(|count| count >= batch_size);
        self.reached.set(if is_full { reached } else { Some(until) });
        taken
    }

    /// Removes the next batch; returns how many rows it was.
    pub fn remove(&self, batch_size: i32) -> u64 {
        self.advance(batch_size, Vec::new(), |_| ()).len() as u64
    }

    /// Whether the next batch does not begin at the beginning.
    pub fn has_begun(&self) -> bool {
        self.reached.get().is_some()
    }

    /// Goes back to the beginning.
    pub fn rewind(&self) {
        self.reached.set(None);
    }
}

fn bound(time: Option<Timestamp>) -> Option<TimestampWithTimeZone> {
    time.and_then(|time| TimestampWithTimeZone::try_from(time.0).ok())
}
