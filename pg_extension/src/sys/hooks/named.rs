//! Relations and policies that a statement names.

use crate::sys::list::{elements, length, string};
use crate::sys::table::table;
use crate::sys::{extension, user};
use pgrx::{pg_guard, pg_sys};

/// True for the name of the guard.
///
/// # Safety
/// A name of a valid statement.
pub unsafe fn is_guard(policy: *const std::ffi::c_char) -> bool {
    // SAFETY: a NUL-terminated name of the statement.
    !policy.is_null() && unsafe { std::ffi::CStr::from_ptr(policy) } == c"vpd_guard"
}

/// True for a protected table when policies apply to the current user.
///
/// # Safety
/// A name of a valid statement.
pub unsafe fn is_restricted(relation: *const pg_sys::RangeVar) -> bool {
    // SAFETY: the caller's promise.
    unsafe { resolve_restricted(relation) }.is_some()
}

/// The relation of a name; InvalidOid when there is none.
///
/// # Safety
/// A name of a valid statement.
pub unsafe fn resolve(relation: *const pg_sys::RangeVar) -> pg_sys::Oid {
    if relation.is_null() {
        return pg_sys::InvalidOid;
    }
    // SAFETY: a range variable of the statement.
    unsafe {
        pg_sys::RangeVarGetRelidExtended(
            relation,
            pg_sys::NoLock as i32,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    }
}

/// The table, when it is protected and policies apply to the current user. An exemption does not count: what is defined outlives it.
///
/// # Safety
/// A name of a valid statement.
pub unsafe fn resolve_restricted(relation: *const pg_sys::RangeVar) -> Option<pg_sys::Oid> {
    if user::bypasses_policies() {
        return None;
    }
    // SAFETY: a range variable of the statement.
    let oid = unsafe { resolve(relation) };
    (oid != pg_sys::InvalidOid && (table().policy.is_protected)(oid)).then_some(oid)
}

/// As [`resolve_restricted`], for a command that only the owner may run, with the lock that it takes itself.
///
/// # Safety
/// A name of a valid statement.
pub unsafe fn resolve_owned(relation: *const pg_sys::RangeVar, lock: i32) -> Option<pg_sys::Oid> {
    if user::bypasses_policies() || !extension::is_installed() {
        return None;
    }
    // SAFETY: a range variable of the statement.
    let oid = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            relation,
            lock,
            pg_sys::RVROption::RVR_MISSING_OK,
            Some(require_owner),
            std::ptr::null_mut(),
        )
    };
    (oid != pg_sys::InvalidOid && (table().policy.is_protected)(oid)).then_some(oid)
}

/// Refuses whoever does not own the table before it is locked.
#[pg_guard]
unsafe extern "C-unwind" fn require_owner(
    relation: *const pg_sys::RangeVar,
    oid: pg_sys::Oid,
    former: pg_sys::Oid,
    argument: *mut std::ffi::c_void,
) {
    // SAFETY: the server's own call-back gets what the server passed.
    unsafe { pg_sys::RangeVarCallbackOwnsRelation(relation, oid, former, argument) }
}

/// The policies or triggers that a statement drops: each with its table and its name.
///
/// # Safety
/// The objects of a valid statement that drops such: lists of String nodes, the name of the table and then the own one.
pub unsafe fn dropped(objects: *mut pg_sys::List) -> impl Iterator<Item = (*mut pg_sys::RangeVar, String)> {
    // SAFETY: the caller's promise.
    unsafe {
        elements(objects).filter_map(|object| {
            let names = object.cast::<pg_sys::List>();
            let last = elements(names).last().filter(|_| length(names) > 1)?;
            let table = pg_sys::list_truncate(pg_sys::list_copy(names), length(names) - 1);
            Some((pg_sys::makeRangeVarFromNameList(table), string(last)))
        })
    }
}
