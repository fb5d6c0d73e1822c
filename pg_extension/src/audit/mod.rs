//! What is written about rows: who made and changed one, kept from the session whatever a statement writes there; actions on rows that rules of duties
//! speak of; pseudonyms and consent for the names.
//!
//! Not here: the trail of changes of the graph (see `authz::change`). Invariant: what stands in an audit column was written by the
//! trigger alone; `created_…` never changes once the row is there, not even when it moves to another partition.

mod catalogue;
mod family;
mod membership;
mod protected;
mod protection;
mod pseudonym;
mod tracking;

pub use catalogue::{Columns, follow_columns, follow_ddl, track, untrack};
pub use family::put_triggers;
pub use protection::{Protection, after_row, protect, unprotect};
pub use pseudonym::{Identification, erase, of_user, owner, record_consent};
pub use tracking::before_row;

use crate::sys::Oid;

/// A relation changed, or all: what is known of its columns is forgotten.
pub fn forget_relation(relation: Option<Oid>) {
    tracking::forget_relation(relation);
    protected::forget_relation(relation);
}

/// Rows that are not there any more, or are for good now: what the triggers remember of them is good no more.
pub fn rows_settled() {
    pseudonym::forget_written();
    tracking::transaction_ended();
    protected::transaction_ended();
}
