//! The scribe: the one process of a database that writes records of the audit trail down.
//!
//! It takes them from the ring in their order, has them written by whoever knows what they say, and frees their room when the transaction has reached the disk. The
//! launcher starts it when there is something in the ring. Invariant: a record leaves the ring after it is durable, and not before.

use super::table::table;
use super::{clock, extension, lock, pinned, ring, shmem, xact};
use crate::error::{Error, Result};
use crate::guc;
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, SignalWakeFlags};
use pgrx::{PgLwLock, pg_guard, pg_shmem_init, pg_sys};
use std::time::Duration;

const WORKER: &str = "pg_vpd scribe";
const LIBRARY: &str = "pg_vpd";
/// Records of one transaction.
const BATCH: usize = 4_000;
/// How long it sleeps when there is nothing to do and nobody wakes it.
const NAP: Duration = Duration::from_millis(50);
/// With fewer records than this in a batch it waits a little for more before the next, so that a transaction is worth its commit. Whoever waits for a record wakes it.
const WORTHWHILE: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);
/// After so many naps without work it ends; the launcher starts another.
const IDLE_NAPS: u32 = 600;
/// After so many the end of the trail is signed.
const SEAL_NAPS: u32 = 20;
/// The same while there is work, after so many records.
const SEAL_RECORDS: usize = 250;

// Exported by the server; the one of the bindings does more than a signal handler may.
unsafe extern "C-unwind" {
    fn die(signal: i32);
}

/// Who waits for records to be durable, in whatever database.
#[derive(Clone, Copy, Default)]
struct Waiting {
    is_made: bool,
    variable: pg_sys::ConditionVariable,
}

// SAFETY: the server's own structure for shared memory, which is used by its functions alone.
unsafe impl pgrx::PGRXSharedMemory for Waiting {}

// SAFETY: the name is unique to this library.
static WAITING: PgLwLock<Waiting> = unsafe { PgLwLock::new(c"pg_vpd_audit_waiting") };

pub(super) fn init() {
    pg_shmem_init!(WAITING);
}

/// Where those who wait are.
fn variable() -> *mut pg_sys::ConditionVariable {
    let mut waiting = WAITING.exclusive();
    if !waiting.is_made {
        // SAFETY: the structure lies in shared memory, and nobody uses it before this.
        unsafe { pg_sys::ConditionVariableInit(&raw mut waiting.variable) }
        waiting.is_made = true;
    }
    &raw mut waiting.variable
}

/// Starts the scribe of a database; false when no slot is free.
pub fn start(database: u32) -> bool {
    BackgroundWorkerBuilder::new(WORKER)
        .set_library(LIBRARY)
        .set_function("pg_vpd_scribe_main")
        .enable_spi_access()
        .set_argument(Some(pg_sys::Datum::from(database)))
        .load_dynamic()
        .is_ok()
}

/// Waits until a record is durable; an error when it is not within the time that is set.
pub fn wait_until_durable(number: u64) -> Result<()> {
    let is_over = |waited: u32| waited >= guc::audit_wait_milliseconds();
    let step = 10;
    let mut waited = 0;
    let variable = variable();
    // SAFETY: the variable lies in shared memory; the wait ends by `ConditionVariableCancelSleep`, or by the abort that an interrupt brings.
    unsafe {
        pg_sys::ConditionVariablePrepareToSleep(variable);
        while !ring::is_durable(number) {
            if is_over(waited) {
                pg_sys::ConditionVariableCancelSleep();
                return Err(Error::audit_unavailable());
            }
            ring::wake();
            if pg_sys::ConditionVariableTimedSleep(variable, step, pg_sys::PG_WAIT_EXTENSION) {
                waited += step as u32;
            }
        }
        pg_sys::ConditionVariableCancelSleep();
    }
    Ok(())
}

/// Entry point of the scribe of one database; the argument is the database's OID.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_vpd_scribe_main(arg: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP);
    // SAFETY: the server's own handler, before there is anything to be interrupted.
    unsafe { pg_sys::pqsignal(libc::SIGTERM, Some(die)) };
    let database = pg_sys::Oid::from(arg.value() as u32);
    BackgroundWorker::connect_worker_to_spi_by_oid(Some(database), None);
    if shmem::is_at_rest(database.to_u32(), clock::now().0) {
        return;
    }
    // The owner of a database may have set these for it.
    for (name, value) in [
        (c"default_transaction_read_only", c"off"),
        (c"default_tablespace", c""),
        (c"client_encoding", c"UTF8"),
    ] {
        pinned::set_for_process(name, value);
    }
    let is_the_one = BackgroundWorker::transaction(|| {
        !xact::is_standby() && extension::is_installed() && lock::try_be_the_scribe()
    });
    if !is_the_one {
        return;
    }
    take_post();
    let mut idle = 0;
    let mut unsealed = 0;
    while idle < IDLE_NAPS {
        pg_sys::check_for_interrupts!();
        match write() {
            Written::Nothing => {
                idle += 1;
                if idle % SEAL_NAPS == 0 && !seal(true) {
                    return;
                }
                BackgroundWorker::wait_latch(Some(NAP));
            }
            Written::Some(count) => {
                idle = 0;
                unsealed += count;
                if unsealed >= SEAL_RECORDS {
                    unsealed = 0;
                    if !seal(false) {
                        return;
                    }
                }
                if count < WORTHWHILE {
                    BackgroundWorker::wait_latch(Some(PAUSE));
                }
            }
            Written::Gone => return,
        }
    }
}

/// Signs the end of the trail; false when the extension is no more.
fn seal(is_idle: bool) -> bool {
    BackgroundWorker::transaction(|| {
        let may = lock::try_hold_extension();
        if may {
            (table().trail.seal)(is_idle).unwrap_or_else(|error| error.raise());
        }
        may
    })
}

/// This process has the post of the scribe until it exits.
fn take_post() {
    // SAFETY: a callback of this library, and the number of this process.
    unsafe {
        pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::from(0));
        ring::set_scribe(pg_sys::MyProcPid);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn leave(_code: i32, _arg: pg_sys::Datum) {
    ring::set_scribe(0);
}

enum Written {
    Nothing,
    /// So many records.
    Some(usize),
    /// The extension is no more, or is being dropped.
    Gone,
}

/// Writes what there is, in one transaction.
fn write() -> Written {
    let batch = ring::peek(BATCH);
    let (lost, lost_since) = ring::lost();
    let is_idle = batch.records.is_empty() && !batch.is_damaged && lost == 0;
    if is_idle {
        return Written::Nothing;
    }
    let is_written = BackgroundWorker::transaction(|| {
        let may = lock::try_hold_extension();
        if may {
            xact::commit_durably();
            (table().trail.write)(&batch, lost, lost_since).unwrap_or_else(|error| error.raise());
        }
        may
    });
    if !is_written {
        return Written::Gone;
    }
    ring::advance(&batch);
    ring::told_of_lost(lost);
    // SAFETY: the variable lies in shared memory.
    unsafe { pg_sys::ConditionVariableBroadcast(variable()) };
    Written::Some(batch.records.len())
}
