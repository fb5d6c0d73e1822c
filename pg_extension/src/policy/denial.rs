//! New rows that policies refused, counted.

use super::cache;
use crate::sys::Oid;
use crate::sys::statistics::{self, Event};

/// A new row was refused. Anybody may call the function that refuses: names that are no policy of the table count for nothing.
pub fn denied(relation: Oid, policy: &str) {
    let is_policy = cache::relation(relation)
        .is_some_and(|relation| relation.policies.iter().any(|known| known.name == policy));
    if is_policy {
        statistics::count(relation, policy, Event::Denial);
    }
}
