//! Reading and writing that audit policies ask to be recorded, in the manner of Oracle's DBMS_FGA.
//!
//! It restricts nothing. Invariants: whoever reads a table under an audit policy is recorded, whatever role he has and however he gets there; under a strict policy the
//! record that he is about to is durable before the first row leaves, or the statement is refused.

mod catalogue;
mod condition;
mod handler;
mod known;
mod now;
mod pending;
mod posture;
mod predicates;
mod running;

pub use catalogue::{Definition, add, drop_policy, enable, handler_named};
pub use known::{condition, functions_changed, has_conditions, is_any, relation_changed, watched};
pub use now::{enters, left};
pub use posture::findings as broken_conditions;
pub use running::{
    commanded, commanded_type, copied, copies, ends, is_waiting, met, ran, savepoint_released,
    savepoint_rolled_back, starts, starts_in_worker, transaction_ended, truncates,
};
