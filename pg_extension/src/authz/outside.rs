//! What the graph asks of rooms above it, and tells them. Filled once, by `events`.

use crate::sys::wired::Wired;

static OUTSIDE: Wired<Outside> = Wired::new();

/// What is asked and told.
pub struct Outside {
    /// Who is at work: the attached session; `None` without one.
    pub author: fn() -> Option<Author>,
    /// A user was switched off or dropped: he is to have no session any more. With his name and the reason.
    pub user_lost: fn(&str, &str),
}

/// Somebody who changes the graph.
pub struct Author {
    /// The name for audit columns.
    pub audit_identity: String,
    pub user_name: String,
    /// Who acts for the user, the nearest first.
    pub actors: Vec<String>,
    /// Who is really logged in.
    pub login: String,
}

/// Fills in whom to ask.
pub fn fill(outside: Outside) {
    OUTSIDE.fill(outside);
}

pub(super) fn author() -> Option<Author> {
    (OUTSIDE.get().author)()
}

pub(super) fn user_lost(name: &str, reason: &str) {
    (OUTSIDE.get().user_lost)(name, reason);
}
