//! Before a statement starts, and before each fetch from an open cursor, the attached session must still be alive.

use super::{foreign_session, function_call, server};
use crate::sys::{marker, parallel, portal, predicate::nth, reading, referential, spi};
use crate::{context, hierarchy, policy};
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

unsafe extern "C-unwind" fn start(query: *mut pg_sys::QueryDesc, flags: i32) {
    // SAFETY: passes on what the server passed; nothing in this frame wants to be dropped.
    unsafe {
        before_start(query);
        chained!(match NEXT_START {
            Some(next) => next(query, flags),
            None => server::standard_ExecutorStart(query, flags),
        });
    }
}

unsafe extern "C-unwind" fn run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    execute_once: bool,
) {
    // SAFETY: as in `start`.
    unsafe {
        let run = before_run(query);
        chained!(match NEXT_RUN {
            Some(next) => next(query, direction, count, execute_once),
            None => server::standard_ExecutorRun(query, direction, count, execute_once),
        });
        after_run(run);
    }
}

/// A run of a query, or a part of it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Run {
    /// Whether it hides the function that fetches from it.
    is_foreign: bool,
    /// Whether its rows outlive the transaction.
    is_kept: bool,
    /// How often another session had been attached before.
    changes: u64,
    /// How many statements that read tables under row security it runs in.
    readings: usize,
}

/// True for queries that are not asked for a session: our own, and the part of a statement that runs in a parallel worker, for which its
/// leader was asked.
fn is_exempt() -> bool {
    spi::is_internal() || parallel::is_worker()
}

#[pg_guard]
unsafe extern "C-unwind" fn before_start(query: *mut pg_sys::QueryDesc) {
    // For good: the server takes the state back when its query is over.
    referential::leave();
    if !is_exempt() {
        // SAFETY: as the server passed it.
        unsafe { foreign_session::query_started(query) };
        context::require_live().unwrap_or_else(|error| error.raise());
        // SAFETY: as above.
        let tables = || unsafe { tables(query) };
        policy::exemption::run_started(query as usize, tables).unwrap_or_else(|error| error.raise());
        // SAFETY: as above.
        context::statement_started(|outdated| unsafe { marker::carries(query, outdated) })
            .unwrap_or_else(|error| error.raise());
        hierarchy::statement_started();
        policy::statement_started();
        function_call::query_started(query);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn before_run(query: *mut pg_sys::QueryDesc) -> Run {
    foreign_session::query_runs(query);
    let mut run = Run {
        is_foreign: false,
        is_kept: false,
        changes: context::changes(),
        // SAFETY: as the server passed it. `planner` makes a plan depend on the role when row security was applied to one of its tables.
        readings: reading::begin(!is_exempt() && unsafe { (*(*query).plannedstmt).dependsOnRole }),
    };
    if !is_exempt() {
        context::require_live().unwrap_or_else(|error| error.raise());
        hierarchy::statement_started();
        policy::exemption::run_continues(query as usize).unwrap_or_else(|error| error.raise());
        // SAFETY: as the server passed it.
        run.is_kept = unsafe { portal::is_kept(query) };
        if run.is_kept {
            context::may_keep_rows(run.changes).unwrap_or_else(|error| error.raise());
        }
        run.is_foreign = function_call::enter_query(query);
    }
    run
}

#[pg_guard]
unsafe extern "C-unwind" fn after_run(run: Run) {
    reading::end(run.readings);
    if run.is_foreign {
        function_call::leave_query();
    }
    // The query itself may have attached a session, and even detached it again.
    if run.is_kept {
        context::may_keep_rows(run.changes).unwrap_or_else(|error| error.raise());
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
