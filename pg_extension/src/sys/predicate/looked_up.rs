//! The relations that kept trees read beside their own table: a tree says of which type each column of theirs is, and would read another type as that.

use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashSet;

thread_local! {
    static LOOKED_UP: RefCell<HashSet<pg_sys::Oid>> = RefCell::new(HashSet::new());
}

/// Notes what the sub-selects of a tree read.
///
/// # Safety
/// The tree is a valid expression.
pub(super) unsafe fn note(tree: *mut pg_sys::Node) {
    let (mut relations, mut items, mut has_row_security) =
        (std::ptr::null_mut(), std::ptr::null_mut(), false);
    // SAFETY: what the server asks of a statement before it keeps its plan; it walks any expression. The lists are made in the current context.
    unsafe {
        pg_sys::extract_query_dependencies(tree, &mut relations, &mut items, &mut has_row_security);
        let count = if relations.is_null() {
            0
        } else {
            (*relations).length
        };
        LOOKED_UP.with_borrow_mut(|looked_up| {
            looked_up.extend((0..count as usize).map(|place| (*(*relations).elements.add(place)).oid_value));
        });
    }
}

/// A relation changed, or any; tells whether a tree reads it, and then forgets what all of them read.
pub fn forget_looked_up(relation: Option<pg_sys::Oid>) -> bool {
    LOOKED_UP.with_borrow_mut(|looked_up| match relation {
        Some(relation) if !looked_up.contains(&relation) => false,
        _ => {
            looked_up.clear();
            true
        }
    })
}
