//! Segregation of duties: nobody holds, or does to one object, what rules keep apart.
//!
//! Looked at when something is granted or defined, when a session is made or brought up to date, and when somebody acts. Not here: who
//! holds what (see `authz`). Invariant: what is checked is read with a fresh snapshot after the change was written and while nobody else
//! can change the graph (`change::begin`) or act on the object (`lock::serialize`), so two that race never both succeed.

mod conflict;
mod holding;
mod login;
mod paths;
mod reached;
mod rule;
mod watch;

pub use conflict::{Conflict, conflicts, what_if};
pub use login::allowed_until;
pub use rule::{Definition, define, drop_rule, mark_rule, set_owner};
pub use watch::{Watch, together};
