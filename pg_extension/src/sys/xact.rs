//! Ends of transactions and sub-transactions, told to `context` and `policy`.

use crate::context;
use crate::policy::exemption;
use pgrx::{pg_guard, pg_sys};

pub(super) fn init() {
    // SAFETY: the callbacks are static functions and live as long as the process.
    unsafe {
        pg_sys::RegisterXactCallback(Some(on_transaction_end), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(on_subtransaction_end), std::ptr::null_mut());
    }
}

/// Nesting depth of the current (sub)transaction; 1 for a transaction without savepoints.
pub fn nest_level() -> i32 {
    // SAFETY: reads backend state.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

/// True when the current transaction may not write, on a standby or by its own declaration.
pub fn is_read_only() -> bool {
    // SAFETY: reads backend state.
    unsafe { pg_sys::XactReadOnly || pg_sys::RecoveryInProgress() }
}

/// True on a standby.
pub fn is_standby() -> bool {
    // SAFETY: reads shared state.
    unsafe { pg_sys::RecoveryInProgress() }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_transaction_end(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_PRE_COMMIT => context::transaction_committing(),
        XACT_EVENT_COMMIT => {
            exemption::transaction_committed();
            context::transaction_committed();
        }
        XACT_EVENT_ABORT => {
            exemption::transaction_aborted();
            context::transaction_aborted();
        }
        XACT_EVENT_PRE_PREPARE => {
            let may = context::may_prepare_transaction().and_then(|()| exemption::may_prepare_transaction());
            if let Err(error) = may {
                error.raise();
            }
        }
        _ => (),
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_subtransaction_end(
    event: pg_sys::SubXactEvent::Type,
    _subxact: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut std::ffi::c_void,
) {
    use pg_sys::SubXactEvent::*;
    match event {
        SUBXACT_EVENT_COMMIT_SUB => context::subtransaction_committed(nest_level()),
        SUBXACT_EVENT_ABORT_SUB => context::subtransaction_aborted(nest_level()),
        _ => (),
    }
}
