//! Waking another process of the server.

use pgrx::pg_sys;

/// Wakes a process; one that is no more, or 0, is nobody.
pub fn wake(process: i32) {
    if process == 0 {
        return;
    }
    // SAFETY: a process that is no more gives NULL; the entry of one stays in shared memory, and so does its latch.
    unsafe {
        let entry = pg_sys::BackendPidGetProc(process);
        if !entry.is_null() {
            pg_sys::SetLatch(&raw mut (*entry).procLatch);
        }
    }
}
