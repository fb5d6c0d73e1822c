//! Where the session of this backend is kept. Whoever looks at it comes through here.
//!
//! A parallel worker has none, whatever its leader has. Looking there is an error and not an answer: a function that is wrongly labelled
//! PARALLEL SAFE would otherwise be told that nobody is there.

use super::Attached;
use crate::error::Error;
use crate::sys::parallel;
use std::cell::RefCell;

thread_local! {
    static SESSION: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// The session of this backend.
pub struct Backend;

impl Backend {
    /// Looks at it.
    pub fn with_borrow<R>(&self, look: impl FnOnce(&Option<Attached>) -> R) -> R {
        if parallel::is_worker() {
            Error::parallel_worker().raise();
        }
        SESSION.with_borrow(look)
    }

    /// Changes it.
    pub fn with_borrow_mut<R>(&self, change: impl FnOnce(&mut Option<Attached>) -> R) -> R {
        SESSION.with_borrow_mut(change)
    }

    /// Puts another one in its place, or none: a worker too forgets at the end of its transaction.
    pub fn replace(&self, new: Option<Attached>) -> Option<Attached> {
        SESSION.replace(new)
    }
}
