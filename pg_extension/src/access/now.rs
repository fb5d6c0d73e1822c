//! Which query runs now: rows that come by are its.
//!
//! Invariant: what an error left is gone with the savepoint or transaction in which it ran.

use super::known::has_conditions;
use crate::sys::running::Running;
use crate::sys::xact;
use std::cell::RefCell;

/// A query that runs, and the nesting depth of the transaction where it began to.
struct Run {
    key: usize,
    level: i32,
}

thread_local! {
    static RUNS: RefCell<Vec<Run>> = const { RefCell::new(Vec::new()) };
}

/// A query begins to run, or goes on.
pub fn enters(query: &Running) {
    if has_conditions() {
        RUNS.with_borrow_mut(|runs| {
            runs.push(Run {
                key: query.key(),
                level: xact::nest_level(),
            });
        });
    }
}

/// It has run, as far as it was asked to.
pub fn left(query: &Running) {
    leave(query.key());
}

/// Likewise.
pub fn leave(key: usize) {
    RUNS.with_borrow_mut(|runs| {
        if let Some(place) = runs.iter().rposition(|run| run.key == key) {
            runs.truncate(place);
        }
    });
}

/// The innermost of them.
pub fn running() -> Option<usize> {
    RUNS.with_borrow(|runs| runs.last().map(|run| run.key))
}

/// A savepoint of this level was released.
pub fn savepoint_released(level: i32) {
    RUNS.with_borrow_mut(|runs| {
        for run in runs.iter_mut().filter(|run| run.level >= level) {
            run.level = level - 1;
        }
    });
}

/// What ran at this level or below ended with an error.
pub fn forget_from(level: i32) {
    RUNS.with_borrow_mut(|runs| runs.retain(|run| run.level < level));
}
