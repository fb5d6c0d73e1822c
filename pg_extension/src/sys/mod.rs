//! The only door to PostgreSQL's internals: hooks, node trees, snapshots, callbacks, shared memory, workers.
//!
//! Architecture invariant: `unsafe`, `pg_sys::` and version-dependent code stand below this folder and nowhere else.
//! What leaves it is safe to call and decides nothing: decisions belong to `policy`, `session` and `context`.
#![allow(
    unsafe_code,
    clippy::allow_attributes,
    reason = "this folder is the one exception, see the module comment"
)]

/// Calls into the server through a function pointer or a declaration of our own. The boundary turns the server's long jumps
/// into Rust unwinding; this macro is the only place where such a call is written.
macro_rules! guarded {
    ($call:expr) => {{
        #[expect(
            ffi_unwind_calls,
            reason = "made inside the boundary that handles the unwinding"
        )]
        let outcome = pgrx::pg_sys::submodules::ffi::pg_guard_ffi_boundary(|| $call);
        outcome
    }};
}

/// Calls the next in a chain of hooks without a boundary, so that an error of the server passes with everything it carries: a boundary
/// would keep its text and lose its position, its context and the names of table and constraint. The error jumps over the
/// frame of the caller, which therefore is not guarded itself and holds nothing that wants to be dropped.
macro_rules! chained {
    ($call:expr) => {{
        #[expect(
            ffi_unwind_calls,
            reason = "the frame holds nothing to drop, so the server may jump over it"
        )]
        let outcome = $call;
        outcome
    }};
}

#[cfg(test)]
#[allow(non_upper_case_globals, reason = "names of the server")]
mod absent_server;
pub mod clock;
mod compat;
pub mod connection;
pub mod copy;
pub mod datum;
pub mod document;
pub mod extension;
pub mod function;
pub mod hooks;
pub mod isolation;
pub mod lock;
pub mod lookup;
pub mod marker;
#[cfg_attr(
    test,
    allow(dead_code, reason = "the pure tests have the allocator of the system")
)]
pub mod memory;
pub mod node_access;
pub mod parallel;
mod pinned;
pub mod portal;
pub mod predicate;
pub mod progress;
pub mod published;
pub mod query;
pub mod random;
pub mod reading;
pub mod referential;
pub mod relation;
pub mod row_copy;
pub mod row_trigger;
pub mod shmem;
pub mod spi;
pub mod statistics;
pub mod temporary;
pub mod user;
mod version;
pub mod worker;
pub mod xact;

pub use pgrx::pg_sys::Oid;
pub use pgrx::pg_sys::panic::ErrorReport;

use std::sync::atomic::{AtomicBool, Ordering};

static IS_READY: AtomicBool = AtomicBool::new(false);
static IS_PRELOADED: AtomicBool = AtomicBool::new(false);

/// True while the server preloads its libraries.
pub fn is_preloading() -> bool {
    // SAFETY: a plain flag that the postmaster sets before and clears after loading; read in the same process.
    unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress }
}

/// Installs hooks, callbacks, shared memory and the launcher. Called once, in the postmaster.
pub fn init() {
    shmem::init();
    published::init();
    statistics::init();
    hooks::init();
    xact::init();
    relation::init();
    worker::init();
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
pub fn reserve_settings() {
    // SAFETY: the argument is a static, NUL-terminated string; the server copies it.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"vpd".as_ptr()) }
}
