//! What was recorded and then undone: a rollback takes back what records say, and not the records. So it is recorded as well.

use super::event::{Event, record};
use crate::sys::xact;
use std::cell::RefCell;

thread_local! {
    /// How many changes were recorded in this transaction, by the level of savepoints.
    static CHANGES: RefCell<Vec<(i32, i64)>> = const { RefCell::new(Vec::new()) };
}

/// A change was recorded.
pub(super) fn note() {
    let level = xact::nest_level();
    CHANGES.with_borrow_mut(|changes| match changes.last_mut() {
        Some((last, count)) if *last == level => *count += 1,
        _ => changes.push((level, 1)),
    });
}

/// A savepoint of this level was released: its changes are those of its parent.
pub fn savepoint_released(level: i32) {
    CHANGES.with_borrow_mut(|changes| {
        for (at, _) in changes.iter_mut().filter(|(at, _)| *at >= level) {
            *at = level - 1;
        }
    });
}

/// A savepoint of this level was rolled back to.
pub fn savepoint_rolled_back(level: i32) {
    let count = take_from(level);
    if count > 0 {
        record(&Event {
            name: "savepoint.rolled_back",
            row_count: Some(count),
            ..Event::default()
        });
    }
}

/// The transaction is over.
pub fn transaction_ended(is_committed: bool) {
    let count = take_from(0);
    if count > 0 && !is_committed {
        record(&Event {
            name: "transaction.rolled_back",
            row_count: Some(count),
            ..Event::default()
        });
    }
}

/// The transaction was prepared: what becomes of it is decided elsewhere.
pub fn transaction_prepared() {
    let count = take_from(0);
    if count > 0 {
        record(&Event {
            name: "transaction.prepared",
            row_count: Some(count),
            ..Event::default()
        });
    }
}

/// How many changes were recorded from a level on; they are forgotten.
fn take_from(level: i32) -> i64 {
    CHANGES.with_borrow_mut(|changes| {
        let count = changes
            .iter()
            .filter(|(at, _)| *at >= level)
            .map(|(_, count)| count)
            .sum();
        changes.retain(|(at, _)| *at < level);
        count
    })
}
