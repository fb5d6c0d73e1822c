//! Functions that the client calls by a message of their own (PQfn), without a query: no statement starts, and yet the session must be alive, and what it may do
//! is what holds now.

use crate::sys::table::table;
use crate::sys::{spi, xact};
use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    /// When the message came for which the session was looked at last.
    static LOOKED_FOR: Cell<pg_sys::TimestampTz> = const { Cell::new(0) };
}

/// A function is about to be called. The first one of such a message is the one it calls.
pub fn function_reached() {
    // SAFETY: variables of this process. Each message that runs a query sets its text and clears it at its end, after an error too.
    let is_without_query = unsafe { pg_sys::debug_query_string.is_null() && pg_sys::ActivePortal.is_null() };
    if !is_without_query || spi::is_internal() || !xact::is_in_progress() {
        return;
    }
    // SAFETY: reads backend state.
    let came_at = unsafe { pg_sys::GetCurrentStatementStartTimestamp() };
    if LOOKED_FOR.replace(came_at) != came_at {
        (table().statement.command_starts)().unwrap_or_else(|error| error.raise());
    }
}
