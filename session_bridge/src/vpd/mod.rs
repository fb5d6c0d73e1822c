//! The functions of the extension, as the bridge calls them: sessions, tickets, messages, identity that goes out.
//!
//! Not here: HTTP, and any verdict. A refusal that the database recorded (`None`, `false`) is committed before it is returned,
//! because a rollback would undo what the refusal did.

pub mod alarm;
pub mod app;
pub mod identity;
pub mod message;
pub mod session;
pub mod ticket;
mod token;

pub use token::Token;
