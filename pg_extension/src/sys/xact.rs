//! The current transaction, and errors that are caught or translated.
//!
//! Invariant: whoever goes on after an error has undone what failed. `attempt` is the only way to go on.

use crate::error::{Error, Result};
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::cell::Cell;
use std::panic::AssertUnwindSafe;

/// Nesting depth of the current (sub)transaction; 1 for a transaction without savepoints.
pub fn nest_level() -> i32 {
    // SAFETY: reads backend state.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

/// An error that was caught.
pub struct Failure {
    /// Our own stable token, when it was a refusal of ours.
    pub token: Option<String>,
    /// SQLSTATE.
    pub state: String,
    /// Its words, for administrators.
    pub message: String,
}

impl Failure {
    /// What to tell of it: the token, or the SQLSTATE.
    pub fn code(self) -> String {
        self.token.unwrap_or(self.state)
    }

    fn of_refusal(error: &Error) -> Self {
        Self {
            token: Some(error.code().to_owned()),
            state: sqlstate(error.sqlstate()),
            message: error.to_string(),
        }
    }

    fn of_report(report: &ErrorReportWithLevel) -> Self {
        let detail = report.detail().unwrap_or_default();
        let token = detail
            .strip_prefix("code: ")
            .and_then(|rest| rest.split_whitespace().next());
        Self {
            token: token.map(str::to_owned),
            state: sqlstate(report.sql_error_code()),
            message: report.message().to_owned(),
        }
    }

    /// The one place that decides what may be caught: whatever says "try again" (class 40), "nothing is left to work with" (53) or
    /// "stop" (57) is meant for whoever sent the statement, and passes as it is. So does a panic of our own.
    fn caught(caught: &CaughtError) -> Option<Self> {
        Self::unless(caught, |_| true)
    }

    /// The same for code of somebody else than whoever sent the statement: he does not say "stop" in the name of the server. What says it is the one function of the server that acts on signals and time-outs.
    fn caught_of_others(caught: &CaughtError) -> Option<Self> {
        Self::unless(caught, |report| {
            report.function_name() == Some("ProcessInterrupts")
        })
    }

    fn unless(caught: &CaughtError, is_heard: impl Fn(&ErrorReportWithLevel) -> bool) -> Option<Self> {
        match caught {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
                Some(Self::of_report(report)).filter(|failure| !(passes(&failure.state) && is_heard(report)))
            }
            CaughtError::RustPanic { .. } => None,
        }
    }
}

fn passes(state: &str) -> bool {
    ["40", "53", "57"].iter().any(|class| state.starts_with(class))
}

/// Whether what was done in a sub-transaction stays.
pub enum Fate<T> {
    /// It stays.
    Kept(T),
    /// It is undone; only the value is told.
    Undone(T),
}

/// Runs something in a sub-transaction of its own and goes on when it fails: what it did is undone then, whether it raised an error or
/// returned one. What may not be caught passes. Nothing else in the library catches an error and goes on, but for `attempt_among_others`.
pub fn attempt<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Failure> {
    attempted(work, Failure::caught)
}

/// The same for work on the tables of others, one after the other for whoever administers: whatever the code of an owner raises is caught, and keeps nobody from going on with the next table.
pub fn attempt_among_others<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Failure> {
    attempted(work, Failure::caught_of_others)
}

fn attempted<T>(
    work: impl FnOnce() -> Result<T>,
    forgive: fn(&CaughtError) -> Option<Failure>,
) -> std::result::Result<T, Failure> {
    let outcome = within_subtransaction(|| work().map(Fate::Kept), forgive);
    outcome.and_then(|done| {
        done.map_err(|error| {
            let failure = Failure::of_refusal(&error);
            if passes(&failure.state) {
                error.raise();
            }
            failure
        })
    })
}

/// Runs an expression that calls nothing but IMMUTABLE functions of the server: these hold nothing when they fail, and change nothing. `None` where a value does not suit
/// them (class 22); the server goes on after such an error without a sub-transaction in some of its own functions too. Every other error passes.
pub fn of_values<T>(work: impl FnOnce() -> T) -> Option<T> {
    // SAFETY: the memory that was current is so again.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        PgTryBuilder::new(AssertUnwindSafe(|| Some(work())))
            .catch_others(|caught| {
                pg_sys::MemoryContextSwitchTo(memory);
                match Failure::caught(&caught) {
                    Some(failure) if failure.state.starts_with("22") => None,
                    _ => caught.rethrow(),
                }
            })
            .execute()
    }
}

/// Runs something in a sub-transaction of its own, which says whether it stays. An error undoes it and passes.
pub fn provisionally<T>(work: impl FnOnce() -> Result<Fate<T>>) -> Result<T> {
    match within_subtransaction(work, |_| None::<std::convert::Infallible>) {
        Ok(done) => done,
        Err(never) => match never {},
    }
}

/// Runs something; an error that the server raises on the way is raised as another one, which says no more than whoever asks may know.
/// Nothing is caught: without a sub-transaction nobody may go on after an error. What may not be caught passes as it is.
pub fn translated<T>(work: impl FnOnce() -> T, translate: impl FnOnce(&Failure) -> Error) -> T {
    let translate = AssertUnwindSafe(Cell::new(Some(translate)));
    PgTryBuilder::new(AssertUnwindSafe(work))
        .catch_others(|caught| match (Failure::caught(&caught), translate.take()) {
            (Some(failure), Some(translate)) => translate(&failure).raise(),
            _ => caught.rethrow(),
        })
        .execute()
}

/// True when a sub-transaction can be begun: not while plans of several processes run.
pub fn can_attempt() -> bool {
    // SAFETY: reads backend state.
    is_in_progress() && unsafe { !pg_sys::IsInParallelMode() }
}

fn within_subtransaction<T, F>(
    work: impl FnOnce() -> Result<Fate<T>>,
    forgive: fn(&CaughtError) -> Option<F>,
) -> std::result::Result<Result<T>, F> {
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
            let done = match work() {
                Ok(Fate::Kept(done)) => {
                    pg_sys::ReleaseCurrentSubTransaction();
                    Ok(done)
                }
                undone => {
                    pg_sys::RollbackAndReleaseCurrentSubTransaction();
                    undone.map(|(Fate::Kept(done) | Fate::Undone(done))| done)
                }
            };
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

/// The five letters of an error code, six bits each.
pub fn sqlstate_of(code: i32) -> String {
    (0..5)
        .map(|place| char::from(b'0' + ((code >> (6 * place)) & 0x3f) as u8))
        .collect()
}

fn sqlstate(code: PgSqlErrorCode) -> String {
    sqlstate_of(code as i32)
}

/// True while statements can run: not while an error is on its way or a (sub)transaction is rolled back.
pub fn is_in_progress() -> bool {
    // SAFETY: reads backend state.
    !std::thread::panicking() && unsafe { pg_sys::IsTransactionState() }
}

/// Stops a development build where the catalogue or a table would be read outside of a transaction that is in progress: the locks of it would
/// never be let go, and the server breaks with the next process in their place.
pub fn require_in_progress() {
    // SAFETY: reads backend state.
    let is_in_progress = unsafe { pg_sys::IsTransactionState() };
    debug_assert!(is_in_progress, "read outside of a transaction");
}

/// True when the current transaction wrote something.
pub fn has_written() -> bool {
    // SAFETY: reads backend state, which the callbacks at the end of a transaction still find.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// The current transaction, once it has written something; it counts on over the end of the server's shorter numbers.
pub fn full_id() -> Option<u64> {
    // SAFETY: reads backend state.
    let id = unsafe { pg_sys::GetTopFullTransactionIdIfAny() };
    (id.value != 0).then_some(id.value)
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
