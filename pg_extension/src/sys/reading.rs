//! Statements that read tables under row security and run now. What their plans fixed was for the session that was attached when they began, and what they read
//! later would be another's: the session does not change inside them.

use super::xact;
use std::cell::RefCell;

thread_local! {
    /// The nesting depth of the transaction where each began.
    static RUNNING: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
}

/// A run begins; returns how many there were.
pub fn begin(is_reading: bool) -> usize {
    RUNNING.with_borrow_mut(|running| {
        let before = running.len();
        if is_reading {
            running.push(xact::nest_level());
        }
        before
    })
}

/// A run ends, and with it those inside that an error has ended.
pub fn end(before: usize) {
    RUNNING.with_borrow_mut(|running| running.truncate(before));
}

/// A sub-transaction was rolled back, and what ran in it.
pub fn subtransaction_aborted(level: i32) {
    RUNNING.with_borrow_mut(|running| running.retain(|begun| *begun < level));
}

/// The transaction is over.
pub fn clear() {
    RUNNING.with_borrow_mut(Vec::clear);
}

/// True inside such a statement.
pub fn is_any() -> bool {
    RUNNING.with_borrow(|running| !running.is_empty())
}
