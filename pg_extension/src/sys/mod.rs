//! The only door to PostgreSQL's internals: hooks, node trees, snapshots, callbacks, shared memory, workers.
//!
//! Architecture invariant: `unsafe`, `pg_sys::` and version-dependent code stand below this folder and nowhere else.
//! What leaves it is safe to call and decides nothing: whoever decides is told and asked through `table`.
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

/// A version-1 function, as the server's macro of that name declares it.
macro_rules! finfo {
    ($name:ident) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const RECORD: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &RECORD
        }
    };
}

#[cfg(test)]
#[allow(non_upper_case_globals, reason = "names of the server")]
mod absent_server;
mod aside;
mod attribute;
pub mod call;
pub mod cipher;
pub mod clock;
mod compat;
pub mod connection;
pub mod copy;
pub mod counts;
pub mod database;
pub mod datum;
pub mod document;
pub mod extension;
pub mod function;
pub mod hooks;
pub mod isolation;
mod latch;
mod list;
pub mod lock;
pub mod looking;
pub mod lookup;
pub mod marker;
mod master_key;
#[cfg_attr(
    test,
    allow(dead_code, reason = "the pure tests have the allocator of the system")
)]
pub mod memory;
pub mod node_access;
pub mod notification;
pub mod parallel;
pub mod pinned;
pub mod portal;
pub mod predicate;
pub mod progress;
pub mod published;
pub mod query;
pub mod random;
mod readiness;
pub mod reading;
pub mod referential;
pub mod relation;
pub mod report;
pub mod restriction;
pub mod ring;
pub mod row_copy;
pub mod row_trigger;
pub mod running;
pub mod scribe;
mod sealed_column;
pub mod sealed_type;
pub mod secret;
pub mod share;
pub mod shmem;
pub mod spi;
pub mod statistics;
pub mod table;
pub mod temporary;
pub mod user;
mod version;
pub mod wired;
pub mod worker;
pub mod xact;

pub use pgrx::pg_sys::Oid;
pub use pgrx::pg_sys::panic::ErrorReport;

pub use readiness::{is_preloaded, is_preloading, is_ready, missed_version_floor};

/// Installs hooks, callbacks, shared memory and the launcher. Called once, in the postmaster.
pub fn init() {
    readiness::leave_backtraces_away();
    readiness::reserve_settings();
    shmem::init();
    published::init();
    ring::init();
    scribe::init();
    secret::init(master_key::read());
    statistics::init();
    hooks::init();
    worker::init();
    readiness::settle();
}
