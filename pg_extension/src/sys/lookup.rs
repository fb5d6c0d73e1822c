//! Rows of the extension's own tables, found by the whole of an index's first column and without a plan.
//!
//! For what every request has to read: starting the executor costs several times what the look-ups themselves do. As with the statements
//! of `spi`, nobody's rights are asked, no hook runs, and what is committed now is seen, at every isolation level. Nothing is written here.

use super::spi::Row;
use pgrx::{IntoDatum, Uuid, pg_sys};
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    /// What is copied out of rows on the way into Rust; emptied after each moment.
    static MEMORY: Cell<pg_sys::MemoryContext> = const { Cell::new(std::ptr::null_mut()) };
}

/// What is looked for in the first column of a table.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// A `uuid` column.
    Uuid(Uuid),
    /// A `bytea` column.
    Bytes(&'a [u8]),
}

/// Look-ups that see the same state of the database.
pub struct Moment {
    snapshot: pg_sys::Snapshot,
    caller: pg_sys::MemoryContext,
}

impl Moment {
    /// What is committed now.
    pub fn now() -> Self {
        super::xact::require_in_progress();
        // SAFETY: inside a transaction. The snapshot is registered with the current resource owner, which lets go of it in an abort; the
        // memory lives as long as the backend.
        unsafe {
            if MEMORY.get().is_null() {
                MEMORY.set(pg_sys::AllocSetContextCreateInternal(
                    pg_sys::TopMemoryContext,
                    c"pg_vpd look-ups".as_ptr(),
                    pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                    pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
                ));
            }
            Self {
                snapshot: pg_sys::RegisterSnapshot(pg_sys::GetCatalogSnapshot(pg_sys::InvalidOid)),
                caller: pg_sys::MemoryContextSwitchTo(MEMORY.get()),
            }
        }
    }

    /// The row under a key, the last one in the order of the index. `index` names an index whose first column is the first of the table.
    pub fn row<R>(
        &self,
        table: &CStr,
        index: &CStr,
        key: Key<'_>,
        read: impl FnOnce(&Row) -> Option<R>,
    ) -> Option<R> {
        // SAFETY: opening raises an error when there is no such relation. The row is copied before the scan, which holds its page, ends;
        // an error on the way leaves page, relations and locks to the abort.
        unsafe {
            let table = pg_sys::table_open(relation(table), pg_sys::AccessShareLock as i32);
            let index = pg_sys::index_open(relation(index), pg_sys::AccessShareLock as i32);
            let (equal, value) = match key {
                Key::Uuid(value) => (pg_sys::F_UUID_EQ, value.into_datum()),
                Key::Bytes(value) => (pg_sys::F_BYTEAEQ, value.into_datum()),
            };
            let mut condition = pg_sys::ScanKeyData::default();
            pg_sys::ScanKeyInit(
                &mut condition,
                1,
                pg_sys::BTEqualStrategyNumber as u16,
                pg_sys::Oid::from(equal),
                value.unwrap_or(pg_sys::Datum::from(0)),
            );
            let scan = pg_sys::systable_beginscan_ordered(table, index, self.snapshot, 1, &mut condition);
            let tuple = pg_sys::systable_getnext_ordered(scan, pg_sys::ScanDirection::BackwardScanDirection);
            let found = if tuple.is_null() {
                None
            } else {
                read(&Row::of(tuple, (*table).rd_att))
            };
            pg_sys::systable_endscan_ordered(scan);
            pg_sys::index_close(index, pg_sys::AccessShareLock as i32);
            pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
            found
        }
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        // An error on its way leaves the snapshot to the abort, and what it says may lie in this memory.
        if !std::thread::panicking() {
            // SAFETY: gives back what `now` took; nothing that was read points into the memory.
            unsafe {
                pg_sys::MemoryContextSwitchTo(self.caller);
                pg_sys::UnregisterSnapshot(self.snapshot);
                pg_sys::MemoryContextReset(MEMORY.get());
            }
        }
    }
}

/// A table or index of the schema that only the extension uses.
unsafe fn relation(name: &CStr) -> pg_sys::Oid {
    // SAFETY: catalogue look-ups inside a transaction; what is missing gives InvalidOid, which nothing can be opened by.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), true);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    }
}
