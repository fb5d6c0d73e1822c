//! What the answers of this backend rest on: the attached session, with what it may do and what was set for it, and the definitions that were read
//! beside it.
//!
//! Whoever keeps something that he derived from answers keeps it under the standing of that moment, and derives it anew under another one.
//! Invariant: whatever changes an answer of a function that reads the session makes another standing. Answers that nobody announces changes of come from
//! a look into tables, which `spi` counts: what was derived from one of those is kept by nobody.

use super::attached::known_session;
use crate::sys::clock::{self, Timestamp};
use std::cell::Cell;

const FOR_EVER: Timestamp = Timestamp(i64::MAX);

thread_local! {
    /// Rises whenever definitions that this backend has read read differently.
    static DEFINITIONS: Cell<u64> = const { Cell::new(1) };
    /// The same when keepers were told last.
    static FOLLOWED: Cell<u64> = const { Cell::new(1) };
    /// When the first of the answers that were given since ends by itself.
    static HOLDS_UNTIL: Cell<Timestamp> = const { Cell::new(FOR_EVER) };
}

/// What an answer rests on. Equal ones give equal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Tells sessions apart, with their authority and values; 0 without one.
    session: u64,
    definitions: u64,
}

impl Standing {
    /// That of a backend without a session: nothing is answered then.
    pub const NONE: Self = Self {
        session: 0,
        definitions: 0,
    };

    /// For those who know no sessions.
    pub(super) fn parts(self) -> (u64, u64) {
        (self.session, self.definitions)
    }

    /// True when no session is attached.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// The standing as far as it is known, without a look whether anything changed.
pub fn known_standing() -> Standing {
    match known_session() {
        0 => Standing::NONE,
        session => Standing {
            session,
            definitions: DEFINITIONS.get(),
        },
    }
}

/// Definitions that this backend has read read differently now, or may.
pub fn definitions_changed() {
    DEFINITIONS.set(DEFINITIONS.get() + 1);
    HOLDS_UNTIL.set(FOR_EVER);
}

/// An answer is given that is another one from this moment on, without anybody doing anything.
pub fn answer_holds_until(moment: Timestamp) {
    HOLDS_UNTIL.set(HOLDS_UNTIL.get().min(moment));
}

/// Looks whether time changed an answer, and whether definitions changed since keepers were told last.
pub(super) fn take_change() -> bool {
    let until = HOLDS_UNTIL.get();
    if until != FOR_EVER && until <= clock::now() {
        definitions_changed();
    }
    let now = DEFINITIONS.get();
    FOLLOWED.replace(now) != now
}
