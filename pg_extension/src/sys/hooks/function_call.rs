//! Which function is the innermost one that runs: what a trusted function is told by.
//!
//! The server lets a library see the calls of the functions it asks for. In a database with application contexts these are all that
//! can run CALL and thereby set a value: functions in procedural languages, DO blocks (calls of the language's handler), functions
//! of other libraries that are volatile or return sets, since some run any text; and of SQL functions, which would otherwise no
//! longer be inlined, those that contain the word. Everything else that runs inside a trusted function is part of it.
//!
//! It does not decide who may set what. Invariant: what cannot be told is no trusted function.

use super::recorded_call;
use crate::sys::function::{C_LANGUAGE, INTERNAL_LANGUAGE, SQL_LANGUAGE, described};
use crate::sys::table::table;
use crate::sys::{spi, xact};
use pgrx::{pg_guard, pg_sys};
use std::cell::{Cell, RefCell};

/// Open queries of a trusted function that are told from those of others.
const MAX_QUERIES: usize = 256;

static mut NEXT_NEEDS: pg_sys::needs_fmgr_hook_type = None;
static mut NEXT: pg_sys::fmgr_hook_type = None;

/// A call that has not returned.
struct Frame {
    function: pg_sys::Oid,
    /// Nesting depth of the transaction when it was entered; 0 where it does not matter.
    level: i32,
    /// Whether some context trusts it, as far as this backend knows.
    is_trusted: bool,
    /// The queries a trusted function has started. Another one that it runs was started by somebody else.
    queries: Vec<*const pg_sys::QueryDesc>,
}

impl Frame {
    fn of(function: pg_sys::Oid, is_trusted: bool) -> Self {
        let mut frame = Self {
            function,
            level: 0,
            is_trusted,
            queries: Vec::new(),
        };
        // Of the other frames the server tells when they are left by an error; should one stay, it only hides others.
        if is_trusted || frame.is_query() {
            frame.level = xact::nest_level();
        }
        frame
    }

    /// True for a query of somebody else.
    fn is_query(&self) -> bool {
        self.function == pg_sys::InvalidOid
    }
}

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    /// Whether calls were prepared in this transaction whose functions were not looked at, because there was no context yet.
    static HAS_UNSEEN_CALLS: Cell<bool> = const { Cell::new(false) };
}

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT_NEEDS = pg_sys::needs_fmgr_hook;
        NEXT = pg_sys::fmgr_hook;
        pg_sys::needs_fmgr_hook = Some(needs);
        pg_sys::fmgr_hook = Some(call);
    }
}

/// The innermost function that runs; `None` outside every function, and when it cannot be told.
pub fn innermost() -> Option<pg_sys::Oid> {
    if HAS_UNSEEN_CALLS.get() {
        return None;
    }
    FRAMES.with_borrow(|frames| frames.last().map(|frame| frame.function))
}

/// A query starts inside the innermost function.
pub fn query_started(query: *const pg_sys::QueryDesc) {
    FRAMES.with_borrow_mut(|frames| {
        if frames.is_empty() {
            return;
        }
        // An ended query may have stood at the same place.
        for frame in frames.iter_mut() {
            frame.queries.retain(|known| *known != query);
        }
        if let Some(innermost) = frames.last_mut().filter(|frame| frame.is_trusted) {
            if innermost.queries.len() == MAX_QUERIES {
                innermost.queries.remove(0);
            }
            innermost.queries.push(query);
        }
    });
}

/// A query runs, or goes on. A query of somebody else, such as a cursor that was open before, hides the function that fetches from
/// it until `leave_query`; tells whether it does. An error takes what hides along.
pub fn enter_query(query: *const pg_sys::QueryDesc) -> bool {
    FRAMES.with_borrow_mut(|frames| {
        let is_foreign = frames
            .last()
            .is_some_and(|innermost| innermost.is_trusted && !innermost.queries.contains(&query));
        if is_foreign {
            frames.push(Frame::of(pg_sys::InvalidOid, false));
        }
        is_foreign
    })
}

/// See `enter_query`.
pub fn leave_query() {
    FRAMES.with_borrow_mut(|frames| {
        if frames.pop().is_some_and(|frame| !frame.is_query()) {
            frames.clear();
        }
    });
}

/// The calls entered at this depth or deeper are gone with their sub-transaction.
pub fn forget_from(level: i32) {
    FRAMES.with_borrow_mut(|frames| frames.retain(|frame| frame.level < level));
}

/// No call reaches over the end of a transaction, but procedures that end it themselves: they may set nothing afterwards.
pub fn transaction_ended() {
    FRAMES.with_borrow_mut(Vec::clear);
    HAS_UNSEEN_CALLS.set(false);
}

/// Whether the server is to tell of calls of this function. Asked when a call is prepared, and before a function is inlined.
#[pg_guard]
unsafe extern "C-unwind" fn needs(function: pg_sys::Oid) -> bool {
    // SAFETY: passes on what the server passed.
    let is_needed_by_others = unsafe { NEXT_NEEDS.is_some_and(|next| guarded!(next(function))) };
    is_seen(function) || recorded_call::is_told(function) || is_needed_by_others
}

fn is_seen(function: pg_sys::Oid) -> bool {
    if spi::is_internal() {
        return false;
    }
    if (table().session.is_known_to_trust_none)() {
        HAS_UNSEEN_CALLS.set(true);
        return false;
    }
    if !can_set_values(function) {
        return false;
    }
    if !can_look() || (table().session.trusts_none)() {
        HAS_UNSEEN_CALLS.set(true);
        return false;
    }
    true
}

/// True when the declared contexts can be read from their table now.
fn can_look() -> bool {
    // SAFETY: flags of this process.
    unsafe {
        let is_ordinary = matches!(
            pg_sys::MyBackendType,
            pg_sys::BackendType::B_BACKEND | pg_sys::BackendType::B_BG_WORKER
        );
        is_ordinary
            && pg_sys::ParallelWorkerNumber < 0
            && pg_sys::IsTransactionState()
            && !pg_sys::HistoricSnapshotActive()
    }
}

/// True for a function that can run CALL.
fn can_set_values(function: pg_sys::Oid) -> bool {
    described(function, |function| match function.prolang.to_u32() {
        INTERNAL_LANGUAGE => false,
        C_LANGUAGE => (function.is_volatile() || function.proretset) && !function.is_of_library(),
        SQL_LANGUAGE => function
            .source()
            .is_none_or(|source| source.to_ascii_lowercase().contains("call")),
        _ => true,
    })
    .unwrap_or(false)
}

#[pg_guard]
unsafe extern "C-unwind" fn call(
    event: pg_sys::FmgrHookEventType::Type,
    info: *mut pg_sys::FmgrInfo,
    private: *mut pg_sys::Datum,
) {
    // SAFETY: the server passes the call it is about to make or has made; the former hook gets what we got. Entered after the
    // former hook and left before it, so that an error of its own leaves no frame behind.
    unsafe {
        let function = (*info).fn_oid;
        if recorded_call::is_told(function) {
            if event == pg_sys::FmgrHookEventType::FHET_START {
                recorded_call::starts(info);
            } else if event == pg_sys::FmgrHookEventType::FHET_ABORT {
                recorded_call::failed(function);
            }
            if let Some(next) = NEXT {
                guarded!(next(event, info, private));
            }
            return;
        }
        if event != pg_sys::FmgrHookEventType::FHET_START {
            leave(function);
        }
        if let Some(next) = NEXT {
            guarded!(next(event, info, private));
        }
        if event == pg_sys::FmgrHookEventType::FHET_START {
            enter(function);
        }
    }
}

fn enter(function: pg_sys::Oid) {
    let is_trusted = (table().session.may_trust)(function);
    let frame = Frame::of(function, is_trusted);
    FRAMES.with_borrow_mut(|frames| frames.push(frame));
}

/// The innermost call is over. Should it be another one than expected, nothing is trusted any more.
fn leave(function: pg_sys::Oid) {
    FRAMES.with_borrow_mut(|frames| {
        while frames.last().is_some_and(Frame::is_query) {
            frames.pop();
        }
        if frames.pop().is_some_and(|frame| frame.function != function) {
            frames.clear();
        }
    });
}
