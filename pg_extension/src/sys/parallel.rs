//! Parallel workers: processes of their own, which run a part of a plan for their leader and have no session.

use pgrx::pg_sys;

/// True in a parallel worker.
pub fn is_worker() -> bool {
    // SAFETY: a plain variable of this process, set when it starts.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 }
}
