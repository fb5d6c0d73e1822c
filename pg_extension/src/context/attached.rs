//! The session that is attached to this backend, and what savepoints bring back. Whoever looks at it comes through here.
//!
//! A parallel worker has none, whatever its leader has. Looking there is an error and not an answer: a function that is wrongly labelled
//! PARALLEL SAFE would otherwise be told that nobody is there.

use super::value::{self, Values};
use super::{Identity, Liveness};
use crate::error::{Error, Result};
use crate::sys::{parallel, portal, reading, xact};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A session attached to the current transaction.
#[derive(Clone)]
pub struct Attached {
    pub identity: Rc<Identity>,
    /// When the session dies unless somebody uses it meanwhile; `None` for the anonymous subject, which has no clocks.
    pub liveness: Option<Liveness>,
    /// Revocations seen when it was last found alive.
    pub revocations: u64,
    /// The generation of the graph its authority was flattened from.
    pub authority: u64,
    /// What trusted functions have set.
    pub values: Rc<Values>,
    /// Tells identities and their values apart within this backend.
    pub serial: u64,
}

/// What a savepoint has to bring back.
pub struct Saved {
    level: i32,
    attached: Option<Attached>,
}

/// The session of this backend.
pub static ATTACHED: Backend = Backend;

thread_local! {
    static SESSION: RefCell<Option<Attached>> = const { RefCell::new(None) };
    static SAVED: RefCell<Vec<Saved>> = const { RefCell::new(Vec::new()) };
    /// How often another session was attached, or none.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// The place of the session.
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

impl Attached {
    /// With what it sees of shared values.
    pub fn new(
        identity: Rc<Identity>,
        liveness: Option<Liveness>,
        revocations: u64,
        authority: u64,
        values: Values,
    ) -> Self {
        let values = Rc::new(values);
        Self {
            serial: value::serial(identity.serial, &values),
            identity,
            liveness,
            revocations,
            authority,
            values,
        }
    }
}

/// Every open cursor goes with the former session.
pub fn replace(new: Option<Attached>) -> Result<()> {
    may_change_session()?;
    portal::close_all()?;
    CHANGES.set(CHANGES.get() + 1);
    save(ATTACHED.replace(new));
    Ok(())
}

/// Keeps what a savepoint has to bring back.
pub fn save(former: Option<Attached>) {
    let level = xact::nest_level();
    SAVED.with_borrow_mut(|saved| {
        if level > 1 && saved.last().is_none_or(|last| last.level < level) {
            saved.push(Saved {
                level,
                attached: former,
            });
        }
    });
}

/// True while a session is attached.
pub fn is_attached() -> bool {
    ATTACHED.with_borrow(Option::is_some)
}

/// The attached identity.
pub fn identity() -> Option<Rc<Identity>> {
    ATTACHED.with_borrow(|attached| attached.as_ref().map(|attached| Rc::clone(&attached.identity)))
}

/// Tells identities and what trusted functions have set for them apart within this backend; 0 without a session.
pub fn known_session() -> u64 {
    ATTACHED.with_borrow(|attached| attached.as_ref().map_or(0, |attached| attached.serial))
}

/// An error inside a statement that reads tables under policy: it was planned for one session, and would go on as another.
pub fn may_change_session() -> Result<()> {
    if reading::is_any() {
        return Err(Error::session_in_use());
    }
    Ok(())
}

/// How often another session was attached to this backend, or none.
pub fn changes() -> u64 {
    CHANGES.get()
}

/// An error when rows that outlive the transaction may be those of a session: one is attached, or was since so many changes.
pub fn may_keep_rows(changes: u64) -> Result<()> {
    if is_attached() || CHANGES.get() != changes {
        return Err(Error::outlives_session(
            "a cursor or loop whose rows outlive the transaction",
            "Read the rows into an array before the transaction ends, or end it after the loop.",
        ));
    }
    Ok(())
}

/// What savepoints bring back, put aside: it is that of the caller, and what happens to another session meanwhile is none of it.
pub struct SavedAside(Vec<Saved>);

impl SavedAside {
    /// Until this is dropped, savepoints know nothing of what was before.
    pub fn put() -> Self {
        Self(SAVED.take())
    }
}

impl Drop for SavedAside {
    fn drop(&mut self) {
        SAVED.replace(std::mem::take(&mut self.0));
    }
}

/// Puts values in place.
pub fn adopt_values(values: Values) {
    ATTACHED.with_borrow_mut(|attached| {
        if let Some(attached) = attached {
            attached.values = Rc::new(values);
            attached.serial = value::serial(attached.identity.serial, &attached.values);
        }
    });
}

/// Puts an identity in place, as read from a generation of the graph.
pub fn adopt_identity(identity: Rc<Identity>, generation: u64) {
    ATTACHED.with_borrow_mut(|attached| {
        if let Some(attached) = attached {
            attached.serial = value::serial(identity.serial, &attached.values);
            attached.identity = identity;
            attached.authority = generation;
        }
    });
}

/// A savepoint was released: what it would bring back, its parent brings back.
pub fn savepoint_released(level: i32) {
    SAVED.with_borrow_mut(|saved| {
        if saved.last().is_some_and(|last| last.level == level)
            && let Some(last) = saved.pop()
        {
            let parent = level - 1;
            if parent > 1 && saved.last().is_none_or(|before| before.level < parent) {
                saved.push(Saved {
                    level: parent,
                    ..last
                });
            }
        }
    });
}

/// A savepoint was rolled back to: the session attached before it is attached again. Tells whether there was one to bring back.
pub fn savepoint_rolled_back(level: i32) -> bool {
    let mut is_restored = false;
    SAVED.with_borrow_mut(|saved| {
        while saved.last().is_some_and(|last| last.level >= level) {
            if let Some(last) = saved.pop() {
                ATTACHED.replace(last.attached);
                is_restored = true;
            }
        }
    });
    is_restored && is_attached()
}

/// Nothing is attached and nothing comes back any more.
pub fn transaction_ended() {
    ATTACHED.replace(None);
    SAVED.with_borrow_mut(Vec::clear);
}
