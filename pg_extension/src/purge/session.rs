//! Sessions that are over are ended, so that their applications are told; sessions that ended are removed, with all that hangs on them.

use super::course::Course;
use crate::session::{self, ending};
use crate::sys::spi::{Statement, arg};
use pgrx::Uuid;
use std::collections::BTreeMap;

thread_local! {
    static TOKENS: Statement = const { Statement::new(include_str!("../../../sql/query/purge/of_session/tokens.sql")) };
    static USES: Statement = const { Statement::new(include_str!("../../../sql/query/purge/of_session/uses.sql")) };
    static SPENT: Statement = const { Statement::new(include_str!("../../../sql/query/purge/of_session/messages.sql")) };
    static AUTHORITIES: Statement = const { Statement::new(include_str!("../../../sql/query/purge/of_session/authorities.sql")) };
}

/// Logins whose time had come.
pub struct Due {
    pub seen: u64,
    /// With all that came out of them.
    pub ended: u64,
}

/// Ends logins that are past a time-out. One that was used since is due again later.
pub fn end_due(due: &Course, batch_size: i32) -> Due {
    // Uses are folded into the row of their session: no clock is put back.
    let due = ending::without_announcement(|| {
        due.advance(batch_size, |row| (row.get::<Uuid>(2), row.get::<String>(3)))
    });
    let seen = due.len() as u64;
    let mut by_reason: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (session_id, reason) in due {
        if let (Some(session_id), Some(reason)) = (session_id, reason) {
            by_reason.entry(reason).or_default().push(session_id);
        }
    }
    let ended = by_reason
        .into_iter()
        .map(|(reason, sessions)| session::end(sessions, &reason, None))
        .sum();
    Due { seen, ended }
}

/// Removes sessions some time after their end; returns how many.
pub fn remove_ended(ended: &Course, batch_size: i32) -> u64 {
    // Everybody was told when they ended.
    ending::without_announcement(|| {
        let removed = ended.advance(batch_size, |row| row.get::<Uuid>(2));
        let removed: Vec<Uuid> = removed.into_iter().flatten().collect();
        if !removed.is_empty() {
            for statement in [&TOKENS, &USES, &SPENT, &AUTHORITIES] {
                statement.with(|statement| statement.execute(&[arg(removed.clone())]));
            }
        }
        removed.len() as u64
    })
}
