//! Audit columns: who made and changed a row, kept from the session whatever a statement writes there; pseudonyms and consent
//! for the names in them.
//!
//! Not here: the trail of changes of the graph (see `authz::change`). Invariant: what stands in an audit column was written by the
//! trigger alone; `created_…` never changes once the row is there, not even when it moves to another partition.

mod catalogue;
mod membership;
mod pseudonym;
mod tracking;

pub use catalogue::{
    Columns, follow_columns, follow_ddl, lock_table, put_triggers, take_triggers, track, untrack,
};
pub use pseudonym::{Identification, erase, has_erased, of_user, of_users, owner, record_consent};
pub use tracking::{Tracking, before_row, forget_relation, is_loaded, of_relation, transaction_ended};
