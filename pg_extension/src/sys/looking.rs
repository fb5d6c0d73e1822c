//! While somebody else's session is looked at, the transaction writes nothing.

use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

thread_local! {
    /// How many values of `ReadOnly` live.
    static READ_ONLY: Cell<u32> = const { Cell::new(0) };
    /// Queries that were started while a session is looked at.
    static STARTED: RefCell<HashSet<*const pg_sys::QueryDesc>> = RefCell::new(HashSet::new());
}

/// While it lives, the transaction writes nothing: no row, no sequence, no definition; and what others wrote tells nobody and leaves nothing, see
/// `hooks::foreign_session`.
pub struct ReadOnly(bool);

impl ReadOnly {
    /// Nothing that runs from here on can switch it off: the server refuses that after the first snapshot.
    pub fn enter() -> Self {
        READ_ONLY.set(READ_ONLY.get() + 1);
        // SAFETY: a flag of the current (sub)transaction, which an abort sets back as well. Plans and expressions that were made ready before are made
        // ready again, and asked then what they call; those in use are held by whoever uses them.
        unsafe {
            if READ_ONLY.get() == 1 {
                pg_sys::ResetPlanCache();
            }
            let former = pg_sys::XactReadOnly;
            pg_sys::XactReadOnly = true;
            Self(former)
        }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        READ_ONLY.set(READ_ONLY.get() - 1);
        if !is_looking() {
            STARTED.with_borrow_mut(HashSet::clear);
        }
        // SAFETY: as in `enter`.
        unsafe { pg_sys::XactReadOnly = self.0 }
    }
}

/// True while a session that is not the caller's own is looked at.
pub fn is_looking() -> bool {
    READ_ONLY.get() > 0
}

/// A query started meanwhile.
pub fn note_started(query: *const pg_sys::QueryDesc) {
    STARTED.with_borrow_mut(|started| started.insert(query));
}

/// Whether a query was started meanwhile.
pub fn was_started(query: *const pg_sys::QueryDesc) -> bool {
    STARTED.with_borrow(|started| started.contains(&query))
}
