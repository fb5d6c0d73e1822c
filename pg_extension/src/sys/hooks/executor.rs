//! Before a statement starts, and before each fetch from an open cursor, the attached session must still be alive.

use crate::sys::predicate::nth;
use crate::sys::spi;
use crate::{context, policy};
use pgrx::{pg_guard, pg_sys};

static mut NEXT_START: pg_sys::ExecutorStart_hook_type = None;
static mut NEXT_RUN: pg_sys::ExecutorRun_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT_START = pg_sys::ExecutorStart_hook;
        NEXT_RUN = pg_sys::ExecutorRun_hook;
        pg_sys::ExecutorStart_hook = Some(start);
        pg_sys::ExecutorRun_hook = Some(run);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn start(query: *mut pg_sys::QueryDesc, flags: i32) {
    if !spi::is_internal() {
        context::require_live().unwrap_or_else(|error| error.raise());
        // SAFETY: as the server passed it.
        let tables = || unsafe { tables(query) };
        policy::exemption::run_started(query as usize, tables).unwrap_or_else(|error| error.raise());
        policy::statement_started();
    }
    // SAFETY: passes on what the server passed.
    unsafe {
        match NEXT_START {
            Some(next) => guarded!(next(query, flags)),
            None => pg_sys::standard_ExecutorStart(query, flags),
        }
    }
}

/// The tables a plan reads or writes, at whatever depth.
unsafe fn tables(query: *const pg_sys::QueryDesc) -> Vec<pg_sys::Oid> {
    // SAFETY: the server passes a query with its plan, whose range table is a flat list of RangeTblEntry.
    unsafe {
        let entries = (*(*query).plannedstmt).rtable;
        let count = if entries.is_null() { 0 } else { (*entries).length };
        (0..count)
            .map(|index| nth(entries, index).cast::<pg_sys::RangeTblEntry>())
            .filter(|entry| (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION)
            .map(|entry| (*entry).relid)
            .collect()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    execute_once: bool,
) {
    if !spi::is_internal() {
        context::require_live().unwrap_or_else(|error| error.raise());
        policy::exemption::run_continues(query as usize).unwrap_or_else(|error| error.raise());
    }
    // SAFETY: passes on what the server passed.
    unsafe {
        match NEXT_RUN {
            Some(next) => guarded!(next(query, direction, count, execute_once)),
            None => pg_sys::standard_ExecutorRun(query, direction, count, execute_once),
        }
    }
}
