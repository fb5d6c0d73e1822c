//! What is told of the attached session, and asked of it.

use crate::authz::Author;
use crate::context::{self, Standing};
use crate::sys::Oid;
use crate::sys::marker::Marker;
use crate::task::right;
use crate::trail::Subject;
use crate::{hierarchy, personal, policy, session};
use std::cell::RefCell;
use std::rc::Rc;

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

thread_local! {
    /// Whose session is attached, in the words of the trail, with what tells it apart.
    static SUBJECT: RefCell<Option<(u64, String, Rc<Subject>)>> = const { RefCell::new(None) };
}

/// Whose session is attached, for the audit trail.
pub fn subject() -> Option<Rc<Subject>> {
    let identity = context::identity()?;
    let known = SUBJECT.with_borrow(|known| {
        known
            .as_ref()
            .filter(|(serial, audit_identity, _)| {
                *serial == identity.serial && *audit_identity == identity.audit_identity
            })
            .map(|(.., subject)| Rc::clone(subject))
    });
    if known.is_some() {
        return known;
    }
    let subject = Rc::new(personal::subject_of(&identity));
    let key = (
        identity.serial,
        identity.audit_identity.clone(),
        Rc::clone(&subject),
    );
    SUBJECT.replace(Some(key));
    Some(subject)
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
