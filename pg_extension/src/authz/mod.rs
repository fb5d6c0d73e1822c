//! Who may do what: the graph of users, groups, roles, duties, privileges, entitlements and data groups, and what of it a session has.
//!
//! Not here: rows (see `policy` and `hierarchy`). Invariant: every change begins with `change::begin`, so that changes wait for one another
//! and whatever is checked holds when they commit; a backend never uses what was flattened from another version of the graph.

mod authority;
pub mod change;
mod claims;
pub mod definition;
pub mod delegation;
pub mod entitlement;
mod flatten;
mod grant;
mod outside;
pub mod owner;
mod reference;
pub mod resource;
pub mod role;
pub mod segregation;
pub mod source;
mod times;
pub mod user;

pub use authority::Authority;
pub use claims::Claims;
pub use flatten::{
    ANONYMOUS, extent, flatten, flatten_anonymous, forget_version, keep, read_groups, version, version_in,
};
pub use grant::{Validity, grant, grant_only, require_free_grant, revoke};
pub use outside::{Author, Outside, fill as set_outside};
pub use reference::{Kind, Node, Reference, check_name};
