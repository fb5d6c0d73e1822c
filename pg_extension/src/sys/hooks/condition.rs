//! The planner at two moments: before it hands out the conditions of a query level that has row security, and before it makes a plan of it.

use crate::sys::query::{operand, order};
use pgrx::{pg_guard, pg_sys};

static mut NEXT_RELATION: pg_sys::get_relation_info_hook_type = None;
static mut NEXT_PATHS: pg_sys::create_upper_paths_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT_RELATION = pg_sys::get_relation_info_hook;
        pg_sys::get_relation_info_hook = Some(begun);
        NEXT_PATHS = pg_sys::create_upper_paths_hook;
        pg_sys::create_upper_paths_hook = Some(ended);
    }
}

/// A table of the level gets its place. Sub-selects are pulled up and functions in line by now, and no condition is handed out yet: the server does that after the last table.
#[pg_guard]
unsafe extern "C-unwind" fn begun(
    root: *mut pg_sys::PlannerInfo,
    relation: pg_sys::Oid,
    is_parent: bool,
    info: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: passes on what the server passed; the level is the planner's.
    unsafe {
        if let Some(next) = NEXT_RELATION {
            guarded!(next(root, relation, is_parent, info));
        }
        if is_secured(root) {
            operand::ask_once(root);
        }
    }
}

/// The paths of a level are made, none was chosen.
#[pg_guard]
unsafe extern "C-unwind" fn ended(
    root: *mut pg_sys::PlannerInfo,
    stage: pg_sys::UpperRelationKind::Type,
    input: *mut pg_sys::RelOptInfo,
    output: *mut pg_sys::RelOptInfo,
    extra: *mut std::ffi::c_void,
) {
    // SAFETY: as above.
    unsafe {
        if let Some(next) = NEXT_PATHS {
            guarded!(next(root, stage, input, output, extra));
        }
        if stage == pg_sys::UpperRelationKind::UPPERREL_FINAL && is_secured(root) {
            order::keep(root);
        }
    }
}

/// Whether conditions of row security stand on a table of this level.
unsafe fn is_secured(root: *mut pg_sys::PlannerInfo) -> bool {
    // SAFETY: the level is the planner's.
    unsafe { (*root).qual_security_level > 0 }
}
