//! TRUNCATE asks no policy, so it is refused on every protected table it reaches: named, by cascade, or as a child.

use crate::sys::user;
use crate::{context, policy};
use pgrx::{pg_guard, pg_sys};

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
    let is_truncate = kind == pg_sys::ObjectAccessType::OAT_TRUNCATE && class == pg_sys::RelationRelationId;
    if is_truncate
        && !user::bypasses_policies()
        && policy::is_protected(object)
        && !policy::exemption::is_exempt(object)
    {
        context::refuse_truncate().raise();
    }
}
