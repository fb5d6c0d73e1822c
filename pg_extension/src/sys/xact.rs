//! Ends of transactions and sub-transactions, told to `context` and `policy`.

use crate::context;
use crate::policy::exemption;
use crate::sys::{memory, query};
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_guard, pg_sys};
use std::panic::AssertUnwindSafe;

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

/// An error that was caught and undone.
pub struct Failure {
    /// SQLSTATE.
    pub state: String,
    /// Its words, for administrators.
    pub message: String,
}

/// Runs something in a sub-transaction of its own: when it fails, what it did is undone and the transaction goes on.
/// A cancelled statement fails as a whole.
pub fn attempt<T>(work: impl FnOnce() -> T) -> std::result::Result<T, Failure> {
    within_subtransaction(|| (work(), true), forgiven)
}

fn forgiven(caught: &CaughtError) -> Option<Failure> {
    match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report)
            if report.sql_error_code() != PgSqlErrorCode::ERRCODE_QUERY_CANCELED =>
        {
            Some(Failure {
                state: sqlstate(report.sql_error_code()),
                message: report.message().to_owned(),
            })
        }
        _ => None,
    }
}

/// The same for what can also fail by saying so: then it is undone as well.
pub fn attempt_or_undo<T, E>(
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<std::result::Result<T, E>, Failure> {
    within_subtransaction(
        || {
            let outcome = work();
            let is_kept = outcome.is_ok();
            (outcome, is_kept)
        },
        forgiven,
    )
}

/// Runs something in a sub-transaction of its own, which it says is to be kept or undone. An error passes.
pub fn provisionally<T>(work: impl FnOnce() -> (T, bool)) -> T {
    match within_subtransaction(work, |_| None::<std::convert::Infallible>) {
        Ok(done) => done,
        Err(never) => match never {},
    }
}

fn within_subtransaction<T, F>(
    work: impl FnOnce() -> (T, bool),
    forgive: fn(&CaughtError) -> Option<F>,
) -> std::result::Result<T, F> {
    // SAFETY: what every procedural language does around a block with an exception handler: memory context and resource owner of
    // before are current again afterwards. An error that passes finds the sub-transaction rolled back: left open, it would be what the
    // abort of the statement aborts, and not the transaction.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        let back = || {
            pg_sys::MemoryContextSwitchTo(memory);
            pg_sys::CurrentResourceOwner = owner;
        };
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(memory);
        PgTryBuilder::new(AssertUnwindSafe(|| {
            let (done, is_kept) = work();
            if is_kept {
                pg_sys::ReleaseCurrentSubTransaction();
            } else {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            back();
            Ok(done)
        }))
        .catch_others(|caught| {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
            back();
            forgive(&caught).map_or_else(|| caught.rethrow(), Err)
        })
        .execute()
    }
}

/// Runs something in a sub-transaction of its own and takes back what it did, whatever that was. An error passes.
pub fn rehearse<T>(work: impl FnOnce() -> T) -> T {
    provisionally(|| (work(), false))
}

/// The five letters of an error code, six bits each.
fn sqlstate(code: PgSqlErrorCode) -> String {
    (0..5)
        .map(|place| char::from(b'0' + ((code as i32 >> (6 * place)) & 0x3f) as u8))
        .collect()
}

/// True while statements can run: not while an error is on its way or a (sub)transaction is rolled back.
pub fn is_in_progress() -> bool {
    // SAFETY: reads backend state.
    !std::thread::panicking() && unsafe { pg_sys::IsTransactionState() }
}

/// True when the current transaction wrote something.
pub fn has_written() -> bool {
    // SAFETY: reads backend state, which the callbacks at the end of a transaction still find.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// The commit of the current transaction reaches the disk before it is acknowledged, whatever `synchronous_commit` says, which any role may set.
pub fn commit_durably() {
    // SAFETY: sets a flag of the current transaction.
    unsafe { pg_sys::ForceSyncCommit() }
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
    if memory::is_over() {
        return;
    }
    match event {
        XACT_EVENT_PRE_COMMIT => context::transaction_committing(),
        XACT_EVENT_COMMIT => {
            query::planning_ended();
            exemption::transaction_committed();
            context::transaction_committed();
        }
        XACT_EVENT_ABORT => {
            query::planning_ended();
            exemption::transaction_aborted();
            context::transaction_aborted();
        }
        XACT_EVENT_PRE_PREPARE => {
            let may = context::may_prepare_transaction().and_then(|()| exemption::may_prepare_transaction());
            if let Err(error) = may {
                error.raise();
            }
        }
        XACT_EVENT_PREPARE => {
            query::planning_ended();
            context::transaction_prepared();
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
    if memory::is_over() {
        return;
    }
    match event {
        SUBXACT_EVENT_COMMIT_SUB => context::subtransaction_committed(nest_level()),
        SUBXACT_EVENT_ABORT_SUB => context::subtransaction_aborted(nest_level()),
        _ => (),
    }
}
