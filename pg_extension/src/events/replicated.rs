//! Rows of the extension that another server sent.

use crate::authz::change;
use crate::context;
use crate::policy::exemption;
use crate::session::ending;
use crate::sys::relation;
use std::cell::Cell;

thread_local! {
    /// Whether the current transaction said so already.
    static IS_SAID: Cell<bool> = const { Cell::new(false) };
}

/// The current transaction applies rows of another server: what any backend knows may be another when it commits.
pub fn rows_replicated() {
    if IS_SAID.replace(true) {
        return;
    }
    ending::rows_changed();
    context::globals_changed();
    change::note();
    exemption::note_change();
    relation::announce_every_change();
}

/// The transaction is over, or what was said went with a savepoint.
pub fn transaction_ended() {
    IS_SAID.set(false);
}
