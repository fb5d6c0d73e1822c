//! Transactions and savepoints end. What `sys` itself remembers goes first; then the others are told.

use super::{function_call, inheritance, recorded_call};
use crate::sys::table::table;
use crate::sys::{lock, memory, query, reading, sealed_type, worker, xact};
use pgrx::{pg_guard, pg_sys};

pub fn init() {
    // SAFETY: the callbacks are static functions and live as long as the process.
    unsafe {
        pg_sys::RegisterXactCallback(Some(on_transaction_end), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(on_subtransaction_end), std::ptr::null_mut());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_transaction_end(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    if memory::is_over() {
        return;
    }
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE) {
        lock::forget();
    }
    let told = &table().transaction;
    match event {
        XACT_EVENT_PRE_COMMIT => (told.commits)(),
        XACT_EVENT_COMMIT => {
            over(true);
            (told.committed)();
        }
        XACT_EVENT_ABORT => {
            inheritance::transaction_aborted();
            over(false);
            (told.rolled_back)();
        }
        XACT_EVENT_PRE_PREPARE => {
            let may = (told.may_be_prepared)().and_then(|()| lock::may_prepare_transaction());
            if let Err(error) = may {
                error.raise();
            }
        }
        XACT_EVENT_PREPARE => {
            over(false);
            (told.prepared)();
        }
        _ => (),
    }
}

/// What `sys` itself remembers of a transaction.
fn over(is_committed: bool) {
    reading::clear();
    query::planning_ended();
    sealed_type::definition_aborted(0);
    worker::transaction_ended(is_committed);
    function_call::transaction_ended();
    recorded_call::transaction_ended();
}

#[pg_guard]
unsafe extern "C-unwind" fn on_subtransaction_end(
    event: pg_sys::SubXactEvent::Type,
    _subxact: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut std::ffi::c_void,
) {
    use pg_sys::SubXactEvent::*;
    if memory::is_over() {
        return;
    }
    match event {
        SUBXACT_EVENT_COMMIT_SUB => {
            lock::subtransaction_committed(xact::nest_level());
            (table().transaction.savepoint_released)(xact::nest_level());
        }
        SUBXACT_EVENT_ABORT_SUB => {
            lock::subtransaction_aborted(xact::nest_level());
            sealed_type::definition_aborted(xact::nest_level());
            reading::subtransaction_aborted(xact::nest_level());
            function_call::forget_from(xact::nest_level());
            (table().transaction.savepoint_rolled_back)(xact::nest_level());
        }
        _ => (),
    }
}
