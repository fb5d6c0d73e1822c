//! Records of the audit trail: how they travel, what of them is hashed, and whether a chain of them is whole.
//!
//! A record has two parts. The chained part says what happened and names nobody; the personal part says who and with what, and is in the chain as a salted hash
//! only, so that it can be erased. Invariant: the same record has the same canonical form wherever it is hashed, in the database or from an export.

mod canonical;
mod chain;
#[cfg(feature = "identity")]
mod export;
mod seal;
mod wire;

pub use canonical::{Digest, link, personal_digest};
pub use chain::{Chain, Fault, Link};
#[cfg(feature = "identity")]
pub use export::{Verification, Verified};
pub use seal::{checkpoint_text, hex};
pub use wire::{decode, encode};

/// What happened, without its place in the trail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When, in microseconds since 2000-01-01 00:00:00 UTC.
    pub recorded_at: i64,
    /// What: `session.created`, `denied` and so on.
    pub event: &'a str,
    /// `ok`, or the SQLSTATE of what it ended with.
    pub verdict: &'a str,
    /// The stable token of a refusal.
    pub code: Option<&'a str>,
    /// The role that the connection was authorized for.
    pub database_role: &'a str,
    /// The process of the server.
    pub process_id: Option<i64>,
    /// The session that was attached, or that it is about.
    pub session_id: Option<&'a str>,
    /// Its application.
    pub app: Option<&'a str>,
    /// The table, with its schema.
    pub relation: Option<&'a str>,
    /// SELECT, INSERT, UPDATE or DELETE; or the function that was called.
    pub command: Option<&'a str>,
    /// The server's number for statements that differ in constants only.
    pub statement_id: Option<i64>,
    /// Rows that came out or were written.
    pub row_count: Option<i64>,
    /// The transaction, once it has written something.
    pub transaction_id: Option<i64>,
    /// The predicates that were applied: a JSON array of name, version and hash.
    pub predicates: Option<&'a str>,
    /// Who, and with what.
    pub person: Person<'a>,
}

/// The part of a record that can be erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person<'a> {
    /// The user.
    pub user_name: Option<&'a str>,
    /// Who acts for him: a JSON array, the nearest first.
    pub actors: Option<&'a str>,
    /// Under which identity changes are recorded.
    pub audit_identity: Option<&'a str>,
    /// Where the connection comes from.
    pub client_address: Option<&'a str>,
    /// The statement, with its constants left out.
    pub statement: Option<&'a str>,
    /// What else there is to tell: a JSON object.
    pub details: Option<&'a str>,
}
