//! How the trail is doing.

use super::end::last_sequence;
use crate::error::Result;
use crate::sys::{ring, scribe};

/// How the trail is doing.
pub struct Status {
    /// The process that writes; `None` while there is none.
    pub scribe: Option<i32>,
    /// The last record that was written.
    pub last_sequence: i64,
    /// How full the ring is, from 0 to 1.
    pub usage: f64,
    /// Records that were lost and are not recorded yet.
    pub lost: i64,
}

/// Waits until everything that was recorded so far is durable; returns the last record.
pub fn flush() -> Result<i64> {
    scribe::wait_until_durable(ring::last_number())?;
    Ok(last_sequence())
}

/// How the trail of this database is doing now.
pub fn status() -> Status {
    let scribe = ring::scribe();
    Status {
        scribe: (scribe != 0).then_some(scribe),
        last_sequence: last_sequence(),
        usage: ring::usage(),
        lost: i64::try_from(ring::lost().0).unwrap_or(i64::MAX),
    }
}
