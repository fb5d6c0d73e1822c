//! Relations and functions change. Told in the middle of anything: nothing is read here.

use super::recorded_call;
use crate::sys::table::table;
use crate::sys::{cipher, extension, marker, memory, predicate};
use pgrx::{pg_guard, pg_sys};

pub fn init() {
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

#[pg_guard]
unsafe extern "C-unwind" fn on_relation_change(_arg: pg_sys::Datum, relation: pg_sys::Oid) {
    if memory::is_over() {
        return;
    }
    let relation = (relation != pg_sys::InvalidOid).then_some(relation);
    if predicate::forget_looked_up(relation) {
        (table().change.looked_up)();
    }
    (table().change.relation)(relation);
}

#[pg_guard]
unsafe extern "C-unwind" fn on_function_change(_arg: pg_sys::Datum, _cache: i32, hash: u32) {
    if memory::is_over() {
        return;
    }
    extension::functions_changed();
    cipher::functions_changed();
    recorded_call::functions_changed();
    if !marker::is_marker(hash) {
        (table().change.function)();
    }
}
