//! A query of ours over one table that administrators ask about, known by where its text lies. The hook on the analysis of queries puts something else in the
//! table's place.

use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, c_char};

thread_local! {
    /// The text of the query, told apart by where it lies, the table, and what becomes of it.
    static ASIDE: Cell<Option<(*const c_char, pg_sys::Oid, Reading)>> = const { Cell::new(None) };
}

/// What is read where the table stands in FROM.
#[derive(Clone, Copy)]
pub enum Reading {
    /// The table, past its policies and masks.
    PastPolicies,
    /// The same, and none of its triggers fires.
    Untriggered,
    /// The rows that were copied from it.
    Copied,
}

/// While it lives, the query whose text lies there reads the table otherwise, wherever the table stands in its FROM; not in
/// a sub-select of an expression, and not in any other query.
pub struct Aside {
    former: Option<(*const c_char, pg_sys::Oid, Reading)>,
}

impl Aside {
    /// Begins.
    pub fn of(table: pg_sys::Oid, text: &CStr, reading: Reading) -> Self {
        Self {
            former: ASIDE.replace(Some((text.as_ptr(), table, reading))),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        ASIDE.set(self.former);
    }
}

/// The query that reads a table otherwise now: its text, the table, and what becomes of it.
pub fn current() -> Option<(*const c_char, pg_sys::Oid, Reading)> {
    ASIDE.get()
}
