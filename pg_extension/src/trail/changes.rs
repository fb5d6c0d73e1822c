//! How many changes were recorded in this transaction.

use crate::sys::xact;
use std::cell::RefCell;

thread_local! {
    /// How many changes were recorded in this transaction, by the level of savepoints.
    static CHANGES: RefCell<Vec<(i32, i64)>> = const { RefCell::new(Vec::new()) };
}

/// A change was recorded.
pub fn note() {
    let level = xact::nest_level();
    CHANGES.with_borrow_mut(|changes| match changes.last_mut() {
        Some((last, count)) if *last == level => *count += 1,
        _ => changes.push((level, 1)),
    });
}

/// How many changes were recorded from a level on; they are forgotten.
pub fn take_from(level: i32) -> i64 {
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

/// A savepoint of this level was released: its changes are those of its parent.
pub fn savepoint_released(level: i32) {
    CHANGES.with_borrow_mut(|changes| {
        for (at, _) in changes.iter_mut().filter(|(at, _)| *at >= level) {
            *at = level - 1;
        }
    });
}
