//! Personal data in sealed columns: where it lies, sealed with which versions; sealing it anew; taking columns in and out; whom it is about, and forgetting them.
//!
//! It writes tables of applications as their owners, in security-restricted operations, and shows nobody a value that `sealing` does not show.

mod column;
mod differing;
mod export;
mod finding;
mod forgetting;
mod intake;
mod naming;
mod person;
mod record;
mod reseal;
mod usage;

pub use export::export;
pub use finding::find;
pub use forgetting::forget_person;
pub use intake::{seal_column, unseal_column};
pub use naming::name_person;
pub use person::{before_row, copies, follow_columns, forget_relation, may_be_stored};
pub use record::{record_unsealed, subject_of};
pub use reseal::{ask as ask_reseal, batch as reseal_batch, batch_of_asked, next_asked};
pub use usage::{usage, values_of_version};
