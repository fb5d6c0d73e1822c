//! The memory that this library takes outside the server's own: what Rust allocates.
//!
//! An allocation that fails ends a Rust process by a signal, and then the server ends all of its processes. Here it does not come to that. Who
//! is about to take much, as much as an input says, asks before: the answer is yes, or the error 53200. Whatever did not ask and gets nothing
//! ends its own connection, as FATAL with the same code, and no other. Invariant: an allocator never unwinds, so an error is no way out of it.

use crate::error::Error;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is asked for in less than this is not asked for.
const SMALL: usize = 1024 * 1024;

/// Bytes that are allocated now.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Whether this process ends because an allocation failed.
static IS_OVER: AtomicBool = AtomicBool::new(false);

#[cfg(not(test))]
#[global_allocator]
static MEMORY: Memory = Memory;

/// The allocator of the system, without its way of failing.
struct Memory;

// SAFETY: the allocator of the system does the work, with what the caller promised; a failure does not come back.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let place = unsafe { System.alloc(layout) };
        taken(place, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let place = unsafe { System.alloc_zeroed(layout) };
        taken(place, layout.size())
    }

    unsafe fn realloc(&self, former: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let place = taken(unsafe { System.realloc(former, layout, size) }, size);
        count(layout.size().wrapping_neg());
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
        count(layout.size().wrapping_neg());
    }
}

/// A process of the server has one thread, so that no locked operation is needed.
fn count(difference: usize) {
    TAKEN.store(
        TAKEN.load(Ordering::Relaxed).wrapping_add(difference),
        Ordering::Relaxed,
    );
}

fn taken(place: *mut u8, size: usize) -> *mut u8 {
    if place.is_null() {
        end_connection();
    }
    count(size);
    place
}

/// Raises 53200 unless so many bytes can be had. Nobody else takes memory in this process, so they can then be had in pieces too.
pub fn ask(bytes: usize) {
    if bytes >= SMALL && !is_to_be_had(bytes) {
        Error::memory_missing(bytes).raise()
    }
}

/// Raises 53200 unless whatever is kept can double, as lists do that grow, and so many bytes be had beside it.
pub fn ask_for_growth(bytes: usize) {
    ask(TAKEN
        .load(Ordering::Relaxed)
        .saturating_mul(2)
        .saturating_add(bytes));
}

/// Gives back to the system what was freed and lies in between: after much was taken for a short while.
pub fn give_back() {
    // SAFETY: looks through the memory of this process that nobody uses.
    #[cfg(all(target_env = "gnu", not(test)))]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn is_to_be_had(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes, 16) else {
        return false;
    };
    // SAFETY: the layout is not empty; what is given is given back at once, untouched.
    unsafe {
        // The compiler would leave out memory that nobody looks at, and take it for given.
        let place = black_box(System.alloc(layout));
        if place.is_null() {
            return false;
        }
        System.dealloc(place, layout);
    }
    true
}

/// True in a process that is on its way out: what this library keeps may be in the middle of a change, and is looked at no more.
pub(super) fn is_over() -> bool {
    IS_OVER.load(Ordering::Relaxed)
}

/// Ends the connection without a return; comes back where a process has none, and the allocation then fails as any does.
#[cfg(not(test))]
#[cold]
fn end_connection() {
    use pgrx::pg_sys;
    use std::ffi::{c_char, c_int};

    unsafe extern "C-unwind" {
        fn errstart(level: c_int, domain: *const c_char) -> bool;
        fn errcode(code: c_int) -> c_int;
        fn errmsg_internal(format: *const c_char, ...) -> c_int;
        fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
    }
    // SAFETY: flags of this process. In the postmaster, and where the server may not fail either, there is no way out.
    unsafe {
        if !pg_sys::IsUnderPostmaster || pg_sys::CritSectionCount > 0 {
            return;
        }
    }
    IS_OVER.store(true, Ordering::Relaxed);
    // SAFETY: the server's own report of its level FATAL, which runs what has to be done at the end of a process and ends it, so that no frame is
    // left by an error. It takes its memory from a context that is kept for this. Call-backs that would add a context to the message want memory,
    // and are left out.
    #[expect(ffi_unwind_calls, reason = "a report of the level FATAL never comes back")]
    unsafe {
        pg_sys::error_context_stack = std::ptr::null_mut();
        errstart(pg_sys::FATAL as c_int, std::ptr::null());
        errcode(pgrx::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
        errmsg_internal(c"out of memory in pg_vpd, the connection is closed".as_ptr());
        errfinish(c"memory.rs".as_ptr(), 0, c"end_connection".as_ptr());
    }
}

#[cfg(test)]
fn end_connection() {}
