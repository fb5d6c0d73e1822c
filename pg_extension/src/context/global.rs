//! Values shared between sessions: kept in a table, read once and again when somebody has changed one.
//!
//! Who sees a value is decided by the session's user and by its client identifier, neither of which a client can set.

use super::value::Entries;
use crate::recent::Recent;
use crate::sys::shmem;
use crate::sys::spi::{self, arg, statements};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Users and clients remembered by a backend.
const REMEMBERED: usize = 32;

statements! {
    VISIBLE = scanning "context/visible_globals.sql";
    SET = "context/set_global.sql";
    CLEAR = "context/clear_globals.sql";
}

thread_local! {
    static KNOWN: RefCell<Recent<Known>> = const { RefCell::new(Recent::of(REMEMBERED)) };
    /// Whether the current transaction changed some, so that it may see what others do not.
    static HAS_CHANGED: Cell<bool> = const { Cell::new(false) };
}

struct Known {
    user: String,
    client: String,
    generation: u64,
    entries: Rc<Entries>,
}

/// What a user with a client identifier sees now.
pub fn visible(user: &str, client: &str) -> Rc<Entries> {
    // Read before the rows are, so that whatever is changed meanwhile is noticed by the next statement.
    let generation = shmem::global_context_generation();
    let is_private = HAS_CHANGED.get();
    let is_it = |known: &Known| known.user == user && known.client == client;
    if !is_private
        && let Some(entries) = KNOWN.with_borrow_mut(|known| {
            let found = known.find(is_it)?;
            (found.generation == generation).then(|| Rc::clone(&found.entries))
        })
    {
        return entries;
    }
    let rows = spi::announced(|| {
        VISIBLE.with(|statement| {
            statement.query(&[arg(user), arg(client)], |row| {
                let name = [1, 2].map(|number| row.get::<String>(number).unwrap_or_default());
                (name.into(), row.get::<String>(3).unwrap_or_default())
            })
        })
    });
    let entries = Rc::new(rows.into_iter().collect::<Entries>());
    if !is_private {
        KNOWN.with_borrow_mut(|known| {
            known.forget(is_it);
            known.keep(Known {
                user: user.to_owned(),
                client: client.to_owned(),
                generation,
                entries: Rc::clone(&entries),
            });
        });
    }
    entries
}

/// Sets a shared value; an empty user or client means any.
pub fn set(namespace: &str, user: &str, client: &str, attribute: &str, value: &str) {
    SET.with(|statement| {
        statement.execute(&[arg(namespace), arg(user), arg(client), arg(attribute), arg(value)])
    });
}

/// Removes the shared value of exactly this user and client.
pub fn unset(namespace: &str, user: &str, client: &str, attribute: &str) {
    CLEAR.with(|statement| {
        statement.execute(&[
            arg(namespace),
            arg(Some(user)),
            arg(Some(client)),
            arg(Some(attribute)),
        ])
    });
}

/// Removes shared values of all users: of one client or of any, one attribute or all.
pub fn clear(namespace: &str, client: Option<&str>, attribute: Option<&str>) {
    CLEAR.with(|statement| {
        statement.execute(&[arg(namespace), arg(None::<&str>), arg(client), arg(attribute)])
    });
}

/// The current transaction changed shared values.
pub fn note_change() {
    HAS_CHANGED.set(true);
}

/// True when the current transaction changed shared values.
pub fn has_changed() -> bool {
    HAS_CHANGED.get()
}

/// The transaction is over; when it was committed, everybody reads what it changed.
pub fn transaction_ended(is_committed: bool) {
    if HAS_CHANGED.take() && is_committed {
        shmem::announce_global_contexts();
    }
}

/// Forgets what was read, because the extension may have been dropped.
pub fn forget() {
    KNOWN.with_borrow_mut(Recent::clear);
}
