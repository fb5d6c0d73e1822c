//! Reading what everybody could read: what is committed, without what the transaction itself has done, and all of it at one moment.

use super::Now;
use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    static SNAPSHOT: Cell<pg_sys::Snapshot> = const { Cell::new(std::ptr::null_mut()) };
}

/// The snapshot that holds now.
pub(super) fn current() -> Option<pg_sys::Snapshot> {
    Some(SNAPSHOT.get()).filter(|snapshot| !snapshot.is_null())
}

/// The statements of ours that run inside all read under one snapshot, which shows nothing of the current transaction, nor of its savepoints. What must
/// not be changed under it by means that no snapshot shows, as TRUNCATE, is to be locked before.
pub fn as_committed<R>(work: impl FnOnce() -> R) -> R {
    let now = Now::take();
    // SAFETY: registering has made a copy, which is ours until it is given back. Before its first command a transaction has done nothing: rows it
    // has made are not there, and rows it has removed are.
    unsafe { (*now.0).curcid = pg_sys::FirstCommandId };
    let _reading = Reading(SNAPSHOT.replace(now.0));
    work()
}

/// Takes the snapshot away again, after an error as well.
struct Reading(pg_sys::Snapshot);

impl Drop for Reading {
    fn drop(&mut self) {
        SNAPSHOT.set(self.0);
    }
}
