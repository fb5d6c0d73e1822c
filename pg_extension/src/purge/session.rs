//! Sessions that are over are ended, so that their applications are told; sessions that ended are removed, with all that hangs on them.

use super::course::Course;
use crate::session::{self, ending};
use crate::sys::spi::{arg, statements};
use pgrx::Uuid;
use std::collections::BTreeMap;

statements! {
    FORGOTTEN = "purge/forgotten.sql";
    TOKENS = "purge/of_session/tokens.sql";
    USES = "purge/of_session/uses.sql";
    SPENT = "purge/of_session/messages.sql";
    AUTHORITIES = "purge/of_session/authorities.sql";
}

/// Logins whose time had come.
pub struct Due {
    pub seen: u64,
    /// Ended, with all that came out of them.
    pub ended: u64,
    /// Removed at once, with all that came out of them.
    pub removed: u64,
}

/// Ends logins that are past a time-out. One that was used since is due again later; one of which nobody waits to be told, because the message would have been
/// removed from the queue by now, after so many seconds, is removed.
pub fn end_due(due: &Course, batch_size: i32, queue_grace: i64) -> Due {
    // Uses are folded into the row of their session: no clock is put back.
    let due = ending::without_announcement(|| {
        due.advance(batch_size, vec![arg(queue_grace as f64)], |row| {
            (
                row.get::<Uuid>(2),
                row.get::<String>(3),
                row.get::<bool>(4).unwrap_or(false),
            )
        })
    });
    let seen = due.len() as u64;
    let mut forgotten = Vec::new();
    let mut by_reason: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (session_id, reason, is_forgotten) in due {
        match (session_id, reason) {
            (Some(session_id), _) if is_forgotten => forgotten.push(session_id),
            (Some(session_id), Some(reason)) => by_reason.entry(reason).or_default().push(session_id),
            _ => (),
        }
    }
    let ended = by_reason
        .into_iter()
        .map(|(reason, sessions)| session::end_dead(sessions, &reason))
        .sum();
    let removed = if forgotten.is_empty() {
        Vec::new()
    } else {
        // Announced: somebody may have used one in a transaction that is not over.
        let args = [arg(forgotten)];
        FORGOTTEN.with(|statement| statement.modify(&args, |row| row.get::<Uuid>(1)))
    };
    let removed =
        ending::without_announcement(|| remove_what_hangs_on(removed.into_iter().flatten().collect()));
    Due { seen, ended, removed }
}

/// Removes sessions some time after their end; returns how many.
pub fn remove_ended(ended: &Course, batch_size: i32) -> u64 {
    // Everybody was told when they ended.
    ending::without_announcement(|| {
        let removed = ended.advance(batch_size, Vec::new(), |row| row.get::<Uuid>(2));
        remove_what_hangs_on(removed.into_iter().flatten().collect())
    })
}

/// Removes what belongs to sessions that are removed; returns how many these are.
fn remove_what_hangs_on(removed: Vec<Uuid>) -> u64 {
    if !removed.is_empty() {
        for statement in [&TOKENS, &USES, &SPENT, &AUTHORITIES] {
            statement.with(|statement| statement.execute(&[arg(removed.clone())]));
        }
    }
    removed.len() as u64
}
