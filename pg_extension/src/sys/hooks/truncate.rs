//! TRUNCATE asks no policy, so it is refused on every protected table it reaches: named, by cascade, or as a child.

use crate::sys::table::table;
use pgrx::pg_sys;

/// A table is about to be emptied: an error when the current role is under its policies.
pub(super) fn reached(relation: pg_sys::Oid) {
    (table().command.truncate)(relation).unwrap_or_else(|error| error.raise());
}
