//! Partitions and children are noted where the server writes that one table inherits from another, whatever the command is called and
//! whatever it was wrapped in; the utility hook looks at them when the command is over.
//!
//! Invariant: nothing is decided here. A note lasts no longer than its transaction; one that outlives a rolled-back command in it names a
//! table that is looked up and not found.

use crate::sys::spi;
use pgrx::{pg_guard, pg_sys};
use std::cell::RefCell;

/// Of pg_inherits, as in the server's catalog/pg_inherits.h.
const INHERITS_RELATION: u32 = 2611;

static mut NEXT: pg_sys::object_access_hook_type = None;

thread_local! {
    static JOINED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(access);
    }
}

/// What joined a family since the last call.
pub fn take_joined() -> Vec<pg_sys::Oid> {
    JOINED.take()
}

/// The transaction failed, and with it the command.
pub fn transaction_aborted() {
    JOINED.take();
}

#[pg_guard]
unsafe extern "C-unwind" fn access(
    kind: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub_object: i32,
    detail: *mut std::ffi::c_void,
) {
    // SAFETY: passes on what the server passed.
    unsafe {
        if let Some(next) = NEXT {
            guarded!(next(kind, class, object, sub_object, detail));
        }
    }
    let is_inheritance =
        kind == pg_sys::ObjectAccessType::OAT_POST_ALTER && class == pg_sys::Oid::from(INHERITS_RELATION);
    if is_inheritance && !spi::is_internal() {
        JOINED.with_borrow_mut(|joined| {
            if !joined.contains(&object) {
                joined.push(object);
            }
        });
    }
}
