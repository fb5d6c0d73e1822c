//! What statements of ours see: what is committed now and what the transaction itself has done; or, where it is to be what everybody could read,
//! without the latter and all of it at one moment; or what there was at a moment before.

use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    /// What is read under instead of now; null when nothing is.
    static PAST: Cell<pg_sys::Snapshot> = const { Cell::new(std::ptr::null_mut()) };
}

/// A snapshot, registered while this lives. An error that unwinds leaves it to the abort.
pub(super) struct Snapshot(pub pg_sys::Snapshot);

impl Snapshot {
    /// The one that statements read under here.
    pub fn of_reading() -> Self {
        let committed = PAST.get();
        if committed.is_null() {
            return Self::now();
        }
        // SAFETY: `Moment` has it registered; it is counted once more.
        Self(unsafe { pg_sys::RegisterSnapshot(committed) })
    }

    pub fn now() -> Self {
        // SAFETY: inside a transaction.
        Self(unsafe { pg_sys::RegisterSnapshot(pg_sys::GetCatalogSnapshot(pg_sys::InvalidOid)) })
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: gives back what was registered.
            unsafe { pg_sys::UnregisterSnapshot(self.0) }
        }
    }
}

/// The statements of ours that run inside all read under one snapshot, which shows nothing of the current transaction, nor of its savepoints. What must
/// not be changed under it by means that no snapshot shows, as TRUNCATE, is to be locked before.
pub fn as_committed<R>(work: impl FnOnce() -> R) -> R {
    let moment = Moment::now();
    // SAFETY: registering has made a copy, which is ours until it is given back. Before its first command a transaction has done nothing: rows it
    // has made are not there, and rows it has removed are.
    unsafe { (*moment.0.0).curcid = pg_sys::FirstCommandId };
    moment.read(work)
}

/// What there is now, the doings of the transaction so far among it, to be read later in the transaction.
pub struct Moment(Snapshot);

impl Moment {
    pub fn now() -> Self {
        Self(Snapshot::now())
    }

    /// What the query sees that runs; `None` where none does.
    pub fn of_query() -> Option<Self> {
        // SAFETY: the active snapshot, registered once more.
        unsafe {
            pg_sys::ActiveSnapshotSet()
                .then(|| Self(Snapshot(pg_sys::RegisterSnapshot(pg_sys::GetActiveSnapshot()))))
        }
    }

    /// The statements of ours that run inside read what there was then. None of them writes.
    pub fn read<R>(&self, work: impl FnOnce() -> R) -> R {
        let _reading = Reading(PAST.replace(self.0.0));
        work()
    }
}

/// Takes the snapshot away again, after an error as well.
struct Reading(pg_sys::Snapshot);

impl Drop for Reading {
    fn drop(&mut self) {
        PAST.set(self.0);
    }
}
