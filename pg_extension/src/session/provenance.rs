//! How a session came about: how its user was authenticated, and whether it, or one that it acts through, runs with one role alone.

use crate::sys::clock::Timestamp;
use crate::sys::spi::{arg, statements};
use pgrx::Uuid;

statements! {
    READ = "session/provenance.sql";
}

/// How a session came about.
pub struct Provenance {
    pub acr: Option<String>,
    pub auth_time: Timestamp,
    /// Whether somebody gave up roles on the way.
    pub is_narrowed: bool,
}

/// Reads it; `None` when there is no such session.
pub fn of(session_id: Uuid) -> Option<Provenance> {
    READ.with(|statement| {
        statement.query_one(&[arg(session_id)], |row| {
            Some(Provenance {
                acr: row.get(1),
                auth_time: row.timestamp(2)?,
                is_narrowed: row.required(3),
            })
        })
    })
    .flatten()
}
