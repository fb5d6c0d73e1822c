//! What the planner believes of the library's own tables while one of the library's own statements is planned.
//!
//! Such a plan is kept for the life of the backend. One that is made while a table is empty would be right for an empty table only, and on a
//! new database nothing may ever have it made again. So a table counts as large, however small it is now.

use crate::sys::list::nth;
use crate::sys::spi::{self, Shape};
use pgrx::{pg_guard, pg_sys};

static mut NEXT: pg_sys::get_relation_info_hook_type = None;

/// A table counts as having at least so many rows for a look-up by key.
const ROWS_OF_LOOK_UP: f64 = 1_000_000.0;
/// The same for a statement that goes through whole tables: large enough that nothing is joined row by row without an index,
/// small enough that a hash table is not made for rows that never come.
const ROWS_OF_SCAN: f64 = 10_000.0;
/// Rows on a page, roughly.
const ROWS_A_PAGE: f64 = 50.0;
/// Keys on a page of an index, roughly.
const KEYS_A_PAGE: f64 = 200.0;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::get_relation_info_hook;
        pg_sys::get_relation_info_hook = Some(size);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn size(
    root: *mut pg_sys::PlannerInfo,
    relation: pg_sys::Oid,
    is_parent: bool,
    info: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: passes on what the server passed, then changes estimates that it has just filled in.
    unsafe {
        if let Some(next) = NEXT {
            guarded!(next(root, relation, is_parent, info));
        }
        let rows = match spi::shape() {
            None => return,
            Some(Shape::LookUp) => ROWS_OF_LOOK_UP,
            Some(Shape::Scan) => ROWS_OF_SCAN,
        };
        if !is_own(relation) {
            return;
        }
        let info = &mut *info;
        info.tuples = info.tuples.max(rows);
        info.pages = info.pages.max((rows / ROWS_A_PAGE) as u32);
        let count = if info.indexlist.is_null() {
            0
        } else {
            (*info.indexlist).length
        };
        for place in 0..count {
            let index = &mut *nth(info.indexlist, place).cast::<pg_sys::IndexOptInfo>();
            index.tuples = index.tuples.max(rows);
            index.pages = index.pages.max((rows / KEYS_A_PAGE) as u32);
            index.tree_height = index.tree_height.max(2);
        }
    }
}

/// True for a table of the schema that only the library uses.
unsafe fn is_own(relation: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups inside a transaction; InvalidOid is the schema of nothing.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), true);
        schema != pg_sys::InvalidOid && pg_sys::get_rel_namespace(relation) == schema
    }
}
