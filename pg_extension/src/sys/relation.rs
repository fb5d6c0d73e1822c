//! Locks on relations and news about them and about functions.

use super::{extension, marker};
use crate::authz::segregation;
use crate::{audit, context, policy, session};
use pgrx::{pg_guard, pg_sys};

pub(super) fn init() {
    // SAFETY: the callbacks are static functions and live as long as the process.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(on_relation_change), pg_sys::Datum::from(0));
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            Some(on_function_change),
            pg_sys::Datum::from(0),
        );
    }
}

/// Takes the lock that keeps everybody from planning or reading the relation until the transaction ends.
pub fn lock_exclusively(relation: pg_sys::Oid) {
    // SAFETY: the lock manager accepts any OID; the caller looked the relation up.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::AccessExclusiveLock as i32) }
}

/// Takes the lock of a reader; an error when there is no such table.
pub fn lock_for_reading(relation: pg_sys::Oid) {
    // SAFETY: opening raises an error for an OID that is no relation; the lock is kept until the transaction ends.
    unsafe {
        let opened = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        pg_sys::relation_close(opened, pg_sys::NoLock as i32);
    }
}

/// Makes every backend forget, when this transaction commits, what it knows and planned of the relation.
pub fn announce_change(relation: pg_sys::Oid) {
    // SAFETY: queues an invalidation message; the relation exists, its lock is held.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_relation_change(_arg: pg_sys::Datum, relation: pg_sys::Oid) {
    let relation = (relation != pg_sys::InvalidOid).then_some(relation);
    policy::forget_relation(relation);
    context::relation_changed(relation);
    audit::forget_relation(relation);
    segregation::forget_relation(relation);
}

#[pg_guard]
unsafe extern "C-unwind" fn on_function_change(_arg: pg_sys::Datum, _cache: i32, hash: u32) {
    extension::functions_changed();
    if !marker::is_marker(hash) {
        policy::forget_predicates();
        session::forget_all();
        context::function_changed();
    }
}

/// True for a table whose rows are in partitions.
pub fn is_partitioned(relation: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up; what is missing has no kind.
    unsafe { pg_sys::get_rel_relkind(relation) as u8 == pg_sys::RELKIND_PARTITIONED_TABLE }
}

/// Name of a relation; empty when it does not exist.
pub fn name(relation: pg_sys::Oid) -> String {
    // SAFETY: the look-up returns NULL or a palloc'd, NUL-terminated name.
    unsafe {
        let name = pg_sys::get_rel_name(relation);
        if name.is_null() {
            String::new()
        } else {
            std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}
