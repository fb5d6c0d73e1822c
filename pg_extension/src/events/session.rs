//! What is told of the attached session, and asked of it.

use crate::authz::Author;
use crate::context::{self, Standing};
use crate::sys::Oid;
use crate::sys::marker::Marker;
use crate::task::right;
use crate::{hierarchy, policy, session};

/// What answers rest on is something else now.
pub fn standing_changed(standing: Standing) -> Vec<Marker> {
    let outdated = policy::session_changed(standing);
    hierarchy::session_changed();
    outdated
}

/// Whoever has read definitions looks whether they are the same.
pub fn follow_definitions() {
    hierarchy::follow_changes();
    right::follow_changes();
}

/// Who is at work.
pub fn author() -> Option<Author> {
    context::identity().map(|identity| identity.author())
}

/// A user is gone, and so are his sessions.
pub fn user_lost(name: &str, reason: &str) {
    session::end_user(name, reason);
}

/// Whether a context trusts the function, as far as this backend knows.
pub fn may_trust(function: Oid) -> bool {
    context::known_declarations().is_none_or(|known| known.trusts(function))
}

/// Whether this backend knows that there is no context.
pub fn is_known_to_trust_none() -> bool {
    context::known_declarations().is_some_and(|known| known.is_empty())
}

/// Whether there is no context.
pub fn trusts_none() -> bool {
    context::declarations().is_empty()
}
