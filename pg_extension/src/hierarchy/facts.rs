//! Which hierarchies there are and in which version, as this backend looked them up last.
//!
//! A look compares a counter in shared memory with the one seen last, and reads the versions again when it differs, when this transaction changed
//! something itself, and always on a standby.

use crate::authz::change;
use crate::context;
use crate::error::{Error, Result};
use crate::sys::shmem;
use crate::sys::spi::{self, Row, statements};
use pgrx::Uuid;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

statements! {
    VERSIONS = scanning "hierarchy/versions.sql";
}

thread_local! {
    /// Names that were met, by their numbers in this backend; a name keeps its number.
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The hierarchies as they were when last looked at.
    static FACTS: RefCell<Option<HashMap<String, Facts>>> = const { RefCell::new(None) };
    /// The counter of changes when the facts were read; 0 when they must be read again.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

/// A hierarchy this backend has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hierarchy(usize);

impl Hierarchy {
    /// As a number that fits into a pointer beside other things.
    pub fn number(self) -> usize {
        self.0
    }

    /// The hierarchy of such a number.
    pub fn of_number(number: usize) -> Self {
        Self(number)
    }

    pub(super) fn name(self) -> String {
        NAMES.with_borrow(|names| names.get(self.0).cloned().unwrap_or_default())
    }
}

/// A hierarchy as it was when last looked at. Versions are random: none ever comes back, after a rollback, a crash or a restore, nor in a hierarchy of
/// the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub is_open: bool,
    pub has_exemption: bool,
    /// Of its nodes.
    pub version: Uuid,
    /// Of what is seen of them.
    access_version: Uuid,
}

impl Facts {
    fn of_row(row: &Row) -> (String, Self) {
        let facts = Self {
            is_open: row.required(2),
            has_exemption: row.required(3),
            version: row.required(4),
            access_version: row.required(5),
        };
        (row.required(1), facts)
    }
}

/// The hierarchy of a name, or 42704.
pub fn find(name: &str) -> Result<Hierarchy> {
    if let Some(known) = number(name)
        && of(name).is_ok()
    {
        return Ok(known);
    }
    look_anew();
    of(name)?;
    Ok(number(name).unwrap_or_else(|| {
        NAMES.with_borrow_mut(|names| {
            names.push(name.to_owned());
            Hierarchy(names.len() - 1)
        })
    }))
}

fn number(name: &str) -> Option<Hierarchy> {
    NAMES.with_borrow(|names| names.iter().position(|known| known == name).map(Hierarchy))
}

/// The hierarchy of a name as it was when last looked at, or 42704.
pub(super) fn of(name: &str) -> Result<Facts> {
    FACTS
        .with_borrow(|facts| facts.as_ref()?.get(name).copied())
        .ok_or_else(|| Error::hierarchy_not_found(name))
}

/// True when this backend has looked at hierarchies.
pub(super) fn are_known() -> bool {
    FACTS.with_borrow(Option::is_some)
}

/// The counter of changes at the last look; 0 when what it found is good for one statement only.
pub(super) fn seen() -> u64 {
    SEEN.get()
}

/// Looks again, whether or not something may have changed.
pub(super) fn look_anew() {
    SEEN.set(0);
    look();
}

/// Reads the versions again when something may have changed since they were read.
pub(super) fn look() {
    let changes = shmem::authority_generation();
    let has_changed = change::has_changed();
    if SEEN.get() == changes && !has_changed {
        return;
    }
    let read = spi::announced(|| VERSIONS.with(|statement| statement.query(&[], Facts::of_row)));
    let read: HashMap<_, _> = read.into_iter().collect();
    let known = FACTS.replace(Some(read.clone()));
    if known.is_some_and(|known| known != read) {
        context::definitions_changed();
    }
    // What was read of one's own changes may be taken back.
    SEEN.set(if has_changed { 0 } else { changes });
}
