//! A query that starts or runs, as far as others look at it.

use crate::sys::list::nth;
use crate::sys::marker::{self, Marker};
use crate::sys::portal;
use pgrx::pg_sys;

/// A query with its plan.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Running(*mut pg_sys::QueryDesc);

impl Running {
    /// # Safety
    /// The query is one that the server passed, and outlives the value.
    pub(super) unsafe fn new(query: *mut pg_sys::QueryDesc) -> Self {
        Self(query)
    }

    /// Tells the queries of a transaction apart.
    pub fn key(&self) -> usize {
        self.0 as usize
    }

    /// The tables the plan reads or writes, at whatever depth.
    pub fn tables(&self) -> Vec<pg_sys::Oid> {
        // SAFETY: the server passes a query with its plan, whose range table is a flat list of RangeTblEntry.
        unsafe {
            let entries = (*(*self.0).plannedstmt).rtable;
            let count = if entries.is_null() { 0 } else { (*entries).length };
            (0..count)
                .map(|index| nth(entries, index).cast::<pg_sys::RangeTblEntry>())
                .filter(|entry| (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION)
                .map(|entry| (*entry).relid)
                .collect()
        }
    }

    /// Whether the plan carries one of these markers.
    pub fn carries(&self, markers: &[Marker]) -> bool {
        // SAFETY: a query with its plan.
        unsafe { marker::carries(self.0, markers) }
    }

    /// Whether its rows outlive the transaction.
    pub fn is_kept(&self) -> bool {
        // SAFETY: a query of the server.
        unsafe { portal::is_kept(self.0) }
    }

    /// Whether row security was applied to one of its tables: then `planner` makes the plan depend on the role.
    pub(super) fn depends_on_role(&self) -> bool {
        // SAFETY: a query with its plan.
        unsafe { (*(*self.0).plannedstmt).dependsOnRole }
    }
}
