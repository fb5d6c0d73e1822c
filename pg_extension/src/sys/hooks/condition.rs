//! The planner at two moments: before it hands out the conditions of a query level that has row security, and before it makes a plan of it.

use crate::sys::query::{once, order};
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
/// Parts of what is read as one, such as arms of UNION ALL, get theirs later, and then their conditions from that.
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
        if !is_secured(root) {
            return;
        }
        if (*info).reloptkind == pg_sys::RelOptKind::RELOPT_OTHER_MEMBER_REL {
            once::hand_down(root, (*info).relid);
        } else if is_first(root, info) {
            once::ask_once(root);
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

/// Whether no other table of the level has its place yet.
unsafe fn is_first(root: *mut pg_sys::PlannerInfo, table: *mut pg_sys::RelOptInfo) -> bool {
    // SAFETY: the array of the level, with a place for each entry of its range table.
    unsafe {
        let relations =
            std::slice::from_raw_parts((*root).simple_rel_array, (*root).simple_rel_array_size as usize);
        !relations.iter().any(|relation| {
            !relation.is_null() && *relation != table && (**relation).rtekind == pg_sys::RTEKind::RTE_RELATION
        })
    }
}

/// Whether conditions of row security stand on a table of this level.
unsafe fn is_secured(root: *mut pg_sys::PlannerInfo) -> bool {
    // SAFETY: the level is the planner's.
    unsafe { (*root).qual_security_level > 0 }
}
