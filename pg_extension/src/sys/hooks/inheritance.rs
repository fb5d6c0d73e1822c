//! Partitions and children are noted where the server writes that one table inherits from another, whatever the command is called and
//! whatever it was wrapped in; the utility hook looks at them when the command is over.
//!
//! Invariant: nothing is decided here. A note that outlives a rolled-back command names a table that is looked up and not found.

use crate::sys::spi;
use pgrx::pg_sys;
use std::cell::RefCell;

thread_local! {
    static JOINED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// What joined a family since the last call.
pub fn take_joined() -> Vec<pg_sys::Oid> {
    JOINED.take()
}

/// A table has become a partition or a child.
pub(super) fn joined(table: pg_sys::Oid) {
    if !spi::is_internal() {
        JOINED.with_borrow_mut(|joined| {
            if !joined.contains(&table) {
                joined.push(table);
            }
        });
    }
}
