//! What each policy costs and refuses, counted.
//!
//! Counted is what happens when a plan is made: a plan that is used again runs no policy function and is not counted.

use crate::error::Result;
use crate::sys::Oid;
use crate::sys::statistics::{self, Event};
use std::time::Instant;

pub use crate::sys::statistics::{Entry, MAX_ENTRIES, entries, reset, usage};

/// Runs a policy function and counts the call; one that raises an error on its way out is counted as well.
pub(super) fn timed<T>(relation: Oid, policy: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Counted<'a> {
        relation: Oid,
        policy: &'a str,
        event: Option<Event>,
    }
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            let event = self.event.take().unwrap_or(Event::Error);
            statistics::count(self.relation, self.policy, event);
        }
    }
    let mut counted = Counted {
        relation,
        policy,
        event: None,
    };
    let start = Instant::now();
    let outcome = call();
    if outcome.is_ok() {
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        counted.event = Some(Event::Call(micros));
    }
    outcome
}

/// A predicate was used again without running its function.
pub(super) fn hit(relation: Oid, policy: &str) {
    statistics::count(relation, policy, Event::Hit);
}

/// A function returned what is no predicate.
pub(super) fn broken(relation: Oid, policy: &str) {
    statistics::count(relation, policy, Event::Error);
}
