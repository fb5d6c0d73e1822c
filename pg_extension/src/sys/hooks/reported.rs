//! Errors that the server reports: the audit trail is told of their SQLSTATE, and of nothing else that they say.

use crate::sys::table::table;
use crate::sys::{memory, xact};
use pgrx::{PgLogLevel, pg_guard, pg_sys};

static mut NEXT: pg_sys::emit_log_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::emit_log_hook;
        pg_sys::emit_log_hook = Some(report);
    }
}

unsafe extern "C-unwind" fn report(error: *mut pg_sys::ErrorData) {
    // SAFETY: passes on what the server passed; nothing in this frame wants to be dropped.
    unsafe {
        if (*error).elevel >= PgLogLevel::ERROR as i32 {
            tell(error);
        }
        if let Some(next) = NEXT {
            chained!(next(error));
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn tell(error: *mut pg_sys::ErrorData) {
    // SAFETY: a global of the backend. A login that fails before its database is chosen has no trail.
    let connected = unsafe { pg_sys::MyDatabaseId } != pg_sys::InvalidOid;
    if connected && !memory::is_over() {
        // SAFETY: an error that is being reported.
        (table().trail.failed)(&xact::sqlstate_of(unsafe { (*error).sqlerrcode }));
    }
}
