//! Parallel workers: processes of their own, which run a part of a plan for their leader and have no session.

use pgrx::pg_sys;
use std::cell::Cell;

/// True in a parallel worker.
pub fn is_worker() -> bool {
    // SAFETY: a plain variable of this process, set when it starts.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 }
}

thread_local! {
    /// The part of the leader's plan that a worker runs.
    static OF_LEADER: Cell<*const pg_sys::QueryDesc> = const { Cell::new(std::ptr::null()) };
}

/// A query starts: whether it does so in a worker, and is not the part of a plan that its leader was asked for but one of a function that runs in it.
pub fn is_nested_in_worker(query: *const pg_sys::QueryDesc) -> bool {
    if !is_worker() {
        return false;
    }
    if OF_LEADER.get().is_null() {
        OF_LEADER.set(query);
    }
    OF_LEADER.get() != query
}

/// A query ends.
pub fn query_ends(query: *const pg_sys::QueryDesc) {
    if OF_LEADER.get() == query {
        OF_LEADER.set(std::ptr::null());
    }
}
