//! What sessions do that rules of duties speak of: actions on objects, and exceptions that somebody asks for and another approves.
//!
//! Not here: the rules themselves, and who holds what (see `authz`). Invariant: what is checked is read with a fresh snapshot while nobody else can act on
//! the object (`lock::serialize`) or change the graph (`change::begin`), so two that race never both succeed.

pub mod action;
pub mod exception;
pub mod person;
