//! What the trail asks of the rooms above it.

use crate::sys::wired::Wired;
use std::rc::Rc;

/// Whose session is attached, in the words of the trail.
#[derive(Debug, Default)]
pub struct Subject {
    pub session_id: Option<String>,
    pub app: Option<String>,
    pub user_name: Option<String>,
    /// Who acts for the user: a JSON array.
    pub actors: Option<String>,
    pub audit_identity: Option<String>,
}

/// Questions.
pub struct Outside {
    pub subject: fn() -> Option<Rc<Subject>>,
}

static OUTSIDE: Wired<Outside> = Wired::new();

/// Says who answers.
pub fn set_outside(outside: Outside) {
    OUTSIDE.fill(outside);
}

/// Whose session is attached.
pub fn subject() -> Option<Rc<Subject>> {
    (OUTSIDE.get().subject)()
}
