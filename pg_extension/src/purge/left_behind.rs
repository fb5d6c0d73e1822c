//! What a transaction committed about a session that was ended or removed meanwhile, and what is superseded: dead, and found by no time and no key.
//!
//! Each table is looked at in a stretch as long as a batch, in the order of its keys from a random place on, so that nothing has to be kept about it. Where half
//! of a stretch was dead it is worth while to look at another: so the dead are never many more than the living.

use crate::session::{self, ending};
use crate::sys::spi::{arg, statements};
use pgrx::Uuid;

statements! {
    SESSIONS = "purge/left_behind/sessions.sql";
    TOKENS = "purge/left_behind/tokens.sql";
    USES = "purge/left_behind/uses.sql";
    SPENT = "purge/left_behind/messages.sql";
    AUTHORITIES = "purge/left_behind/authorities.sql";
}

/// Ends sessions below one that is over; returns how many.
pub fn end(batch_size: i32) -> u64 {
    let found = SESSIONS.with(|statement| statement.query(&[arg(batch_size)], |row| row.get::<Uuid>(1)));
    session::end_dead(found.into_iter().flatten().collect(), "session_over")
}

/// Removes what belongs to no session, or is of no use to it; true when it is worth while to look again.
pub fn remove(batch_size: i32) -> bool {
    // Nothing of it opens or keeps anything.
    let removed = ending::without_announcement(|| {
        [&TOKENS, &USES, &SPENT, &AUTHORITIES]
            .map(|statement| statement.with(|statement| statement.execute(&[arg(batch_size)])))
    });
    let most = removed.into_iter().max().unwrap_or(0);
    most * 2 >= u64::from(batch_size.unsigned_abs())
}
