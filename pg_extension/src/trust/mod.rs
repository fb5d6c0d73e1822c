//! Identity providers and other databases that are trusted here: what is demanded of their tokens, their keys, and the sessions that their tokens open. The other way
//! round, what this database says of its own sessions.
//!
//! The database verifies, and never calls out: whoever brings a token brings nothing else that counts. Invariant: a session that comes from a token is
//! its issuer's word alone, and each token opens one.

mod acceptance;
mod issuer;
mod key;
mod login;
mod logout;
mod own_identity;

pub use crate::sys::shmem::unknown_keys;
pub use issuer::{Registration, alter, distrust, trust};
pub use key::set as set_keys;
pub use login::{Login, create_session};
pub use logout::log_out;
pub use own_identity::{own_name, set_own_name, sign_identity};
