//! What the walk over a query carries along.

use super::inlining::Inlined;
use crate::sys::list::{length, nth};
use pgrx::pg_sys;

/// State of the walk.
pub struct Walk {
    pub inlined: Inlined,
    /// Goes through one level of a query and those below it; for what is put into the query on the way.
    pub visit: unsafe fn(*mut pg_sys::Query, &mut Walk),
}

/// An entry of the range table.
///
/// # Safety
/// The query has that many.
pub unsafe fn entry(query: *mut pg_sys::Query, number: i32) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: range table entries are counted from 1.
    unsafe { nth((*query).rtable, number - 1).cast() }
}

/// Numbers of the range table entries that a join tree, or a part of one, reads.
///
/// # Safety
/// A valid join tree.
pub unsafe fn read_by(tree: *mut pg_sys::Node) -> Vec<i32> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    unsafe { references(tree, &mut found) };
    found
}

unsafe fn references(node: *mut pg_sys::Node, found: &mut Vec<i32>) {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return;
    }
    // SAFETY: a join tree is made of these three kinds of node.
    unsafe {
        match (*node).type_ {
            T_RangeTblRef => found.push((*node.cast::<pg_sys::RangeTblRef>()).rtindex),
            T_FromExpr => {
                let list = (*node.cast::<pg_sys::FromExpr>()).fromlist;
                for index in 0..length(list) {
                    references(nth(list, index), found);
                }
            }
            T_JoinExpr => {
                let join = &*node.cast::<pg_sys::JoinExpr>();
                references(join.larg, found);
                references(join.rarg, found);
            }
            _ => (),
        }
    }
}
