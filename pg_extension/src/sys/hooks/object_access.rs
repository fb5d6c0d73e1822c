//! What the server does to objects, whatever the command is called and whatever it was wrapped in: TRUNCATE, inheritance our triggers and functions are told of it.

use super::{fast_path, foreign_session, inheritance, own_trigger, truncate};
use crate::sys::sealed_type;
use pgrx::{pg_guard, pg_sys};

/// Of pg_inherits, as in the server's catalog/pg_inherits.h.
const INHERITS_RELATION: u32 = 2611;

static mut NEXT: pg_sys::object_access_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(access);
    }
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
    match kind {
        pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE => {
            fast_path::function_reached();
            foreign_session::function_reached(object);
        }
        pg_sys::ObjectAccessType::OAT_POST_CREATE
            if class == pg_sys::RelationRelationId && sub_object == 0 =>
        {
            sealed_type::check_made(object);
        }
        pg_sys::ObjectAccessType::OAT_TRUNCATE if class == pg_sys::RelationRelationId => {
            truncate::reached(object)
        }
        pg_sys::ObjectAccessType::OAT_POST_ALTER if class.to_u32() == INHERITS_RELATION => {
            inheritance::joined(object);
        }
        pg_sys::ObjectAccessType::OAT_POST_ALTER if class == pg_sys::TriggerRelationId => {
            own_trigger::altered(object);
        }
        _ => (),
    }
}
