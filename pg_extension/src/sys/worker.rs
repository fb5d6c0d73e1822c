//! The launcher and the purge workers.
//!
//! One launcher runs for the cluster. For each database it starts a worker that connects, purges and exits, so that no connection
//! is held and DROP DATABASE is not kept waiting. A database without the extension is looked at once, and again when an
//! extension is installed anywhere. The launcher never exits with 0, so that the postmaster restarts it.

use super::counts::Counts;
use super::shmem::{self, DatabaseSlot};
use super::spi::{oid_arg, statements};
use super::table::table;
use super::{clock, extension, lock, pinned, published, ring, scribe, xact};
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, SignalWakeFlags};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{pg_guard, pg_sys};
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::c_int;
use std::time::Duration;

const LAUNCHER: &str = "pg_vpd launcher";
const WORKER: &str = "pg_vpd purge";
const LIBRARY: &str = "pg_vpd";
const NAP: Duration = Duration::from_secs(1);
const RESTART: Duration = Duration::from_secs(5);
const BATCH: i32 = 10_000;
const MAX_BATCHES: i32 = 10_000;
const RESEAL_BATCH: i32 = 1000;
/// The longest that a batch may take which runs what others wrote.
const BATCH_MILLISECONDS: c_int = 30_000;
/// How often the launcher looks which databases there are.
const LOOK_SECONDS: i64 = 60;
/// A lack of worker slots is told to the log this often at most.
const COMPLAINT_SECONDS: i64 = 60;
/// For so long nothing works in a database that is about to be dropped, copied or moved.
const REST_SECONDS: i64 = 10;

// Exported by the server; the one of the bindings does more than a signal handler may.
unsafe extern "C-unwind" {
    fn die(signal: i32);
    fn RegisterTimeout(id: c_int, handler: extern "C-unwind" fn()) -> c_int;
    fn enable_timeout_after(id: c_int, milliseconds: c_int);
    fn disable_timeout(id: c_int, keeps_indicator: bool);
}

/// The first number that is free for clocks of libraries, of PostgreSQL 15's utils/timeout.h.
const USER_TIMEOUT: c_int = 12;

statements! {
    STOP = scanning "purge/stop.sql";
}

thread_local! {
    /// Whether the launcher is to look at this database when the transaction commits.
    static CALL_IS_DUE: Cell<bool> = const { Cell::new(false) };
}

/// The launcher is to look at this database when the transaction commits.
pub fn call_launcher_at_commit() {
    CALL_IS_DUE.set(true);
}

/// The transaction is over.
pub(super) fn transaction_ended(is_committed: bool) {
    if CALL_IS_DUE.take() && is_committed {
        shmem::call_launcher();
    }
}

pub(super) fn init() {
    BackgroundWorkerBuilder::new(LAUNCHER)
        .set_library(LIBRARY)
        .set_function("pg_vpd_launcher_main")
        .enable_spi_access()
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(Some(RESTART))
        .load();
}

/// Entry point of the launcher.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_vpd_launcher_main(_arg: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi_by_oid(None, None);
    let mut seen_calls = 0;
    let mut looked_at = 0;
    let mut complained_at = 0;
    let (mut known, mut all) = (Vec::new(), Vec::new());
    // When each was started last, of more databases than shared memory has slots for.
    let mut started = HashMap::new();
    let mut rings = ring::Rings::default();
    // SAFETY: a plain variable of this process.
    shmem::set_launcher_process(unsafe { pg_sys::MyProcPid });
    while BackgroundWorker::wait_latch(Some(NAP)) {
        let calls = shmem::launcher_calls();
        let now = clock::now().0;
        if calls != seen_calls || now - looked_at > LOOK_SECONDS * 1_000_000 {
            (known, all) = databases();
            shmem::keep_databases(&known);
            published::keep_databases(&known);
            started.retain(|database, _| known.contains(database));
            (seen_calls, looked_at) = (calls, now);
        }
        let due = due(&known, &started);
        let begun = due.iter().take_while(|slot| start(**slot)).count();
        started.extend(due[..begun].iter().map(|slot| (slot.database, now)));
        let waiting = due.len() - begun;
        if waiting > 0 && now - complained_at > COMPLAINT_SECONDS * 1_000_000 {
            pgrx::log!(
                "pg_vpd: no background worker slot is free, {waiting} databases wait for their purge; raise max_worker_processes"
            );
            complained_at = now;
        }
        let found = ring::databases();
        if found.iter().any(|database| !all.contains(database)) {
            (known, all) = databases();
        }
        rings.look(&found, &all);
        start_scribes(&rings.waiting(&known));
    }
    // SAFETY: ends the process; a status other than 0 makes the postmaster start the launcher again.
    unsafe { pg_sys::proc_exit(1) }
}

/// Starts the scribes of databases with something to be written down; where no slot is free the next look tries again.
fn start_scribes(waiting: &[u32]) {
    let now = clock::now().0;
    for database in waiting {
        if !shmem::is_at_rest(*database, now) {
            scribe::start(*database);
        }
    }
}

/// The databases that are to be purged now, the one that waits longest first.
fn due(known: &[u32], started: &HashMap<u32, i64>) -> Vec<DatabaseSlot> {
    let now = clock::now().0;
    let slots = shmem::databases();
    let mut due: Vec<DatabaseSlot> = known
        .iter()
        .map(|database| {
            let slot = slots.iter().find(|slot| slot.database == *database);
            // Never looked at: it waits longest of all. Without a slot it is looked at again after a while, as one that never reported.
            slot.copied().unwrap_or(DatabaseSlot {
                started_at: started.get(database).copied().unwrap_or(0),
                ..DatabaseSlot::unknown(*database)
            })
        })
        .filter(|slot| slot.interval_seconds > 0 && now >= slot.due_at().max(slot.rests_until))
        .collect();
    due.sort_by_key(DatabaseSlot::due_at);
    due
}

/// Starts the worker of a database; false when no slot is free, and then the database stays due.
fn start(slot: DatabaseSlot) -> bool {
    let started = BackgroundWorkerBuilder::new(WORKER)
        .set_library(LIBRARY)
        .set_function("pg_vpd_purge_main")
        .enable_spi_access()
        .set_argument(Some(pg_sys::Datum::from(slot.database)))
        .load_dynamic();
    if started.is_err() {
        return false;
    }
    shmem::change_database(slot.database, |slot| slot.started_at = clock::now().0);
    true
}

/// Stops the workers of a database, which is about to be dropped, copied or moved. None works there for a while, also not one that connects just now.
pub fn stop_in(database: pg_sys::Oid) {
    shmem::change_database(database.to_u32(), |slot| {
        slot.rests_until = clock::now().0 + REST_SECONDS * 1_000_000;
    });
    STOP.with(|statement| statement.query(&[oid_arg(database)], |_| ()));
}

/// Every database one can connect to, and every one there is.
fn databases() -> (Vec<u32>, Vec<u32>) {
    let (mut found, mut all) = (Vec::new(), Vec::new());
    // SAFETY: scans the shared catalogue pg_database inside a transaction of this worker; rows are read while their tuple is
    // current; scan, relation and transaction are closed in turn.
    unsafe {
        pg_sys::StartTransactionCommand();
        let _ = pg_sys::GetTransactionSnapshot();
        let relation = pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
            all.push(row.oid.to_u32());
            if row.datallowconn && !row.datistemplate {
                found.push(row.oid.to_u32());
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        pg_sys::CommitTransactionCommand();
    }
    (found, all)
}

/// Entry point of the worker of one database; the argument is the database's OID.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_vpd_purge_main(arg: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP);
    // Ends the worker in the middle of a statement, and while it waits for a lock: whoever drops the database waits for it.
    // SAFETY: the server's own handler, before there is anything to be interrupted.
    unsafe { pg_sys::pqsignal(libc::SIGTERM, Some(die)) };
    let database = pg_sys::Oid::from(arg.value() as u32);
    BackgroundWorker::connect_worker_to_spi_by_oid(Some(database), None);
    // The owner of a database may have set that for it.
    pinned::set_for_process(c"default_transaction_read_only", c"off");
    let started_at = clock::now();
    if shmem::is_at_rest(database.to_u32(), started_at.0) {
        return;
    }
    let interval = BackgroundWorker::transaction(|| {
        if !extension::is_installed() {
            published::keep(&[]);
        }
        (!xact::is_standby() && extension::is_installed() && lock::try_hold_extension())
            .then(table().purge.interval)
    });
    if interval.is_some() && !BackgroundWorker::transaction(lock::try_be_the_purge) {
        return;
    }
    shmem::change_database(database.to_u32(), |slot| {
        slot.interval_seconds = interval.unwrap_or(0);
        slot.started_at = started_at.0;
    });
    if interval.is_none() {
        return;
    }
    let mut counts = Counts::default();
    let mut batches = 0;
    while batches < MAX_BATCHES {
        // What one statement leaves in memory goes with its transaction: one batch, one transaction.
        let batch = BackgroundWorker::transaction(|| {
            lock::try_hold_extension()
                .then(|| (table().purge.batch)(BATCH).unwrap_or_else(|error| error.raise()))
        });
        let Some(batch) = batch else { return };
        counts.add(batch);
        batches += 1;
        if !batch.is_full {
            break;
        }
    }
    let Ok(started_at) = TimestampWithTimeZone::try_from(started_at.0) else {
        return;
    };
    BackgroundWorker::transaction(|| {
        if lock::try_hold_extension() {
            (table().purge.ended)(started_at, batches, counts);
        }
    });
    reseal(started_at);
}

/// Seals anew what the worker was asked to. It runs what owners of tables wrote, such as checks, so it comes last, and each batch has its time: whose table takes longer stops this worker, and
/// the others have their turn in the next one.
fn reseal(started_at: TimestampWithTimeZone) {
    // SAFETY: the handler does what a signal handler may. The server gives the clock a number.
    let clock = unsafe { guarded!(RegisterTimeout(USER_TIMEOUT, end_process)) };
    for _ in 0..MAX_BATCHES {
        // Committed before the batch: it is known that the table had its turn.
        let next = BackgroundWorker::transaction(|| {
            lock::try_hold_extension()
                .then(|| (table().purge.next_asked)(started_at))
                .flatten()
        });
        let Some(next) = next else { return };
        BackgroundWorker::transaction(|| {
            if lock::try_hold_extension() {
                // SAFETY: a clock of this process.
                unsafe { guarded!(enable_timeout_after(clock, BATCH_MILLISECONDS)) };
                (table().purge.of_asked)(next, RESEAL_BATCH);
                // SAFETY: as above. After an error the process ends.
                unsafe { guarded!(disable_timeout(clock, false)) };
            }
        });
    }
}

/// Ends this process, which no code in a database can catch: cancelling a statement is an error like any other.
extern "C-unwind" fn end_process() {
    // SAFETY: sends a signal to itself.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}
