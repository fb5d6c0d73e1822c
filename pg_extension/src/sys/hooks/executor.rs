//! Before a statement starts, and before each fetch from an open cursor, the attached session must still be alive.

use super::{foreign_session, function_call, server};
use crate::sys::aside::{self, Reading};
use crate::sys::list::elements;
use crate::sys::running::Running;
use crate::sys::table::table;
use crate::sys::{parallel, reading, referential, spi};
use pgrx::{pg_guard, pg_sys};

static mut NEXT_START: pg_sys::ExecutorStart_hook_type = None;
static mut NEXT_END: pg_sys::ExecutorEnd_hook_type = None;
static mut NEXT_RUN: pg_sys::ExecutorRun_hook_type = None;
static mut NEXT_FINISH: pg_sys::ExecutorFinish_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT_START = pg_sys::ExecutorStart_hook;
        NEXT_RUN = pg_sys::ExecutorRun_hook;
        NEXT_FINISH = pg_sys::ExecutorFinish_hook;
        NEXT_END = pg_sys::ExecutorEnd_hook;
        pg_sys::ExecutorFinish_hook = Some(finish);
        pg_sys::ExecutorEnd_hook = Some(end);
        pg_sys::ExecutorStart_hook = Some(start);
        pg_sys::ExecutorRun_hook = Some(run);
    }
}

unsafe extern "C-unwind" fn start(query: *mut pg_sys::QueryDesc, flags: i32) {
    // SAFETY: passes on what the server passed; nothing in this frame wants to be dropped.
    unsafe {
        before_start(query, flags);
        chained!(match NEXT_START {
            Some(next) => next(query, flags),
            None => server::standard_ExecutorStart(query, flags),
        });
        // Nearly no query is one of those.
        if aside::current().is_some() {
            silence(query);
        }
    }
}

/// Takes the triggers away from what a query of ours writes, which is to fire none: those that are enabled ALWAYS too, and of this table and this query alone.
#[pg_guard]
unsafe extern "C-unwind" fn silence(query: *mut pg_sys::QueryDesc) {
    // SAFETY: the query was started just now: its relations are described, and none of its rows was touched. The text of the query is told apart by where it lies.
    unsafe {
        let Some((text, table, Reading::Untriggered)) = aside::current() else {
            return;
        };
        if (*query).sourceText != text {
            return;
        }
        for written in elements((*(*query).estate).es_opened_result_relations) {
            let written = &mut *written.cast::<pg_sys::ResultRelInfo>();
            if (*written.ri_RelationDesc).rd_id == table {
                written.ri_TrigDesc = std::ptr::null_mut();
            }
        }
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
        after_run(run, query);
    }
}

unsafe extern "C-unwind" fn finish(query: *mut pg_sys::QueryDesc) {
    // SAFETY: as in `start`.
    unsafe {
        before_finish(query);
        chained!(match NEXT_FINISH {
            Some(next) => next(query),
            None => server::standard_ExecutorFinish(query),
        });
        after_finish(query);
    }
}

unsafe extern "C-unwind" fn end(query: *mut pg_sys::QueryDesc) {
    // SAFETY: as in `start`.
    unsafe {
        before_end(query);
        chained!(match NEXT_END {
            Some(next) => next(query),
            None => server::standard_ExecutorEnd(query),
        });
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn before_finish(query: *mut pg_sys::QueryDesc) {
    if !is_exempt() {
        // SAFETY: as the server passed it; it lives as long as the call.
        (table().statement.finishes)(&unsafe { Running::new(query) });
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn after_finish(query: *mut pg_sys::QueryDesc) {
    if !is_exempt() {
        // SAFETY: as the server passed it; it lives as long as the call.
        (table().statement.finished)(&unsafe { Running::new(query) });
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn before_end(query: *mut pg_sys::QueryDesc) {
    parallel::query_ends(query);
    if !is_exempt() {
        // SAFETY: as the server passed it; it lives as long as the call.
        (table().statement.ends)(&unsafe { Running::new(query) });
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
unsafe extern "C-unwind" fn before_start(query: *mut pg_sys::QueryDesc, flags: i32) {
    // For good: the server takes the state back when its query is over.
    referential::leave();
    if !is_exempt() {
        // SAFETY: as the server passed it.
        unsafe { foreign_session::query_started(query) };
        // SAFETY: as above; it lives as long as the call.
        let running = unsafe { Running::new(query) };
        let is_run = flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 == 0;
        (table().statement.starts)(&running, is_run).unwrap_or_else(|error| error.raise());
        function_call::query_started(query);
    } else if !spi::is_internal() && parallel::is_nested_in_worker(query) {
        // SAFETY: as above.
        let running = unsafe { Running::new(query) };
        (table().statement.starts_in_worker)(&running).unwrap_or_else(|error| error.raise());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn before_run(query: *mut pg_sys::QueryDesc) -> Run {
    foreign_session::query_runs(query);
    let is_asked = !is_exempt();
    // SAFETY: as the server passed it; it lives as long as the call.
    let running = unsafe { Running::new(query) };
    let mut run = Run {
        is_foreign: false,
        is_kept: false,
        changes: 0,
        readings: reading::begin(is_asked && running.depends_on_role()),
    };
    if is_asked {
        if let Some(changes) = (table().statement.runs)(&running).unwrap_or_else(|error| error.raise()) {
            (run.is_kept, run.changes) = (true, changes);
        }
        run.is_foreign = function_call::enter_query(query);
    }
    run
}

#[pg_guard]
unsafe extern "C-unwind" fn after_run(run: Run, query: *mut pg_sys::QueryDesc) {
    reading::end(run.readings);
    if !is_exempt() {
        // SAFETY: as the server passed it; it lives as long as the call.
        (table().statement.paused)(&unsafe { Running::new(query) });
    }
    if run.is_foreign {
        function_call::leave_query();
    }
    // The query itself may have attached a session, and even detached it again.
    if run.is_kept {
        (table().statement.ran)(run.changes).unwrap_or_else(|error| error.raise());
    }
}
