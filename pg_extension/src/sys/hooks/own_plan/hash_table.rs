//! Hash tables of the library's own look-ups begin small.
//!
//! What a look-up finds is guessed high, so that it is planned for large tables. The executor makes hash tables of the guessed size before the first
//! row: megabytes, cleared and thrown away with each execution. They grow by themselves when there is more.

use crate::sys::list::{length, nth};
use crate::sys::spi;
use pgrx::pg_sys::{self, NodeTag};

/// So many groups are expected.
const GROUPS: std::ffi::c_long = 64;

/// Lets the hash tables of a plan begin small, if it is one of ours.
///
/// # Safety
/// A plan that was just made.
pub unsafe fn begin_small(plan: *mut pg_sys::PlannedStmt) {
    if spi::shape().is_none() {
        return;
    }
    // SAFETY: the caller's promise; the plan is a tree of nodes, each of the type that its tag says.
    unsafe {
        walk((*plan).planTree);
        each((*plan).subplans);
    }
}

unsafe fn each(plans: *mut pg_sys::List) {
    // SAFETY: a list of plans.
    unsafe {
        for place in 0..length(plans) {
            walk(nth(plans, place).cast());
        }
    }
}

unsafe fn walk(plan: *mut pg_sys::Plan) {
    // SAFETY: as above; a subplan that is not used is NULL.
    unsafe {
        if plan.is_null() {
            return;
        }
        match (*plan).type_ {
            NodeTag::T_RecursiveUnion => limit(&mut (*plan.cast::<pg_sys::RecursiveUnion>()).numGroups),
            NodeTag::T_Agg => limit(&mut (*plan.cast::<pg_sys::Agg>()).numGroups),
            NodeTag::T_SetOp => limit(&mut (*plan.cast::<pg_sys::SetOp>()).numGroups),
            NodeTag::T_Append => each((*plan.cast::<pg_sys::Append>()).appendplans),
            NodeTag::T_MergeAppend => each((*plan.cast::<pg_sys::MergeAppend>()).mergeplans),
            NodeTag::T_SubqueryScan => walk((*plan.cast::<pg_sys::SubqueryScan>()).subplan),
            _ => (),
        }
        walk((*plan).lefttree);
        walk((*plan).righttree);
    }
}

fn limit(groups: &mut std::ffi::c_long) {
    *groups = (*groups).min(GROUPS);
}
