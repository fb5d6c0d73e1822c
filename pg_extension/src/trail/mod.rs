//! The audit trail: what is recorded, and the chain in which it is kept.
//!
//! Whoever has something to record makes an `Event`; who it was is added here, and the record goes into the ring of the database at once, whatever becomes of the
//! transaction. The scribe writes records down in their order (`book`), each with the hash of the one before. Invariants: recording reads no catalogue and raises no
//! error; no token, no constant of a statement and no masked value is in a record.

mod book;
mod changes;
mod end;
mod erasure;
mod event;
mod outside;
mod refusal;
mod seal;
mod status;
mod undone;
mod verification;

pub use book::write;
pub use changes::savepoint_released;
pub use erasure::erase;
pub use event::{Event, Whose, know_client, record, shown_name};
pub use outside::{Outside, Subject, set_outside, subject};
pub use refusal::{changed, failed, forget_failure, last_failure, refused};
pub use seal::{seal, set_retention};
pub use status::{flush, status};
pub use undone::{savepoint_rolled_back, transaction_ended, transaction_prepared};
pub use verification::verify;
