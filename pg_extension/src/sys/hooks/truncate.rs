//! TRUNCATE asks no policy, so it is refused on every protected table it reaches: named, by cascade, or as a child.

use crate::sys::user;
use crate::{context, policy};
use pgrx::pg_sys;

/// A table is about to be emptied: an error when the current role is under its policies.
pub(super) fn reached(table: pg_sys::Oid) {
    if !user::bypasses_policies() && policy::is_protected(table) && !policy::exemption::is_exempt(table) {
        context::refuse_truncate().raise();
    }
}
