//! What the walk over a query carries along.

use super::inlining::Inlined;
use crate::sys::list::nth;
use pgrx::pg_sys;

/// State of the walk.
pub struct Walk {
    pub inlined: Inlined,
    /// Whether conditions of row security, or of audit policies, stood on its tables when it came.
    pub is_secured: bool,
    /// Goes through one level of a query and those below it; for what is put into the query on the way.
    pub visit: unsafe fn(*mut pg_sys::Query, &mut Walk),
}

impl Walk {
    /// Whether conditions stand on one of its tables, or may, in the body of a function in FROM.
    pub fn is_secured(&self) -> bool {
        self.is_secured || self.inlined.has_candidate()
    }
}

/// An entry of the range table.
///
/// # Safety
/// The query has that many.
pub unsafe fn entry(query: *mut pg_sys::Query, number: i32) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: range table entries are counted from 1.
    unsafe { nth((*query).rtable, number - 1).cast() }
}
