//! Whether the library works in this server.

use super::version;
use std::sync::atomic::{AtomicBool, Ordering};

static IS_READY: AtomicBool = AtomicBool::new(false);
static IS_PRELOADED: AtomicBool = AtomicBool::new(false);

/// True while the server preloads its libraries.
pub fn is_preloading() -> bool {
    // SAFETY: a plain flag that the postmaster sets before and clears after loading; read in the same process.
    unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress }
}

/// Errors carry no backtrace to clients, whatever the environment of the server says: it names files and functions, and nothing that helps a client.
pub(super) fn leave_backtraces_away() {
    // SAFETY: in the postmaster while it loads libraries, which has one thread.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") }
}

/// Hooks and shared memory are there: the library works from now on, unless the server has known leaks and that is refused.
pub(super) fn settle() {
    IS_PRELOADED.store(true, Ordering::Relaxed);
    let missed = version::missed_floor();
    if let Some(floor) = &missed {
        pgrx::warning!("pg_vpd: this server has known leaks of row security; update it to {floor} or later");
    }
    IS_READY.store(
        missed.is_none() || !crate::guc::is_version_strict(),
        Ordering::Relaxed,
    );
}

/// True when the library was preloaded, so that hooks and shared memory are there.
pub fn is_ready() -> bool {
    IS_READY.load(Ordering::Relaxed)
}

/// True when the library was preloaded, whether or not it works on this version of the server.
pub fn is_preloaded() -> bool {
    IS_PRELOADED.load(Ordering::Relaxed)
}

/// The release that mends the known leaks, when the server is older.
pub fn missed_version_floor() -> Option<String> {
    version::missed_floor()
}

/// Reserves the prefix `vpd` for this library's settings.
pub(super) fn reserve_settings() {
    // SAFETY: the argument is a static, NUL-terminated string; the server copies it.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"vpd".as_ptr()) }
}
