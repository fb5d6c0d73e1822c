//! Differences between the supported versions of PostgreSQL.

use pgrx::pg_sys;
use std::ffi::c_void;

/// A tree mutator as the server calls it.
pub type Mutator = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;

/// Copies the children of an expression node, each through `mutator`.
///
/// # Safety
/// `node` is a valid expression tree; `context` is what `mutator` expects.
pub unsafe fn mutate_expression(
    node: *mut pg_sys::Node,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: up to 15 the server declares the callback without parameters and calls it with these two.
    #[cfg(feature = "pg15")]
    unsafe {
        let untyped =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        pg_sys::expression_tree_mutator(node, Some(untyped), context)
    }
    // SAFETY: the caller's promise.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::expression_tree_mutator_impl(node, Some(mutator), context)
    }
}

/// Copies a query, each of its expressions through `mutator`.
///
/// # Safety
/// As `mutate_expression`.
pub unsafe fn mutate_query(
    query: *mut pg_sys::Query,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Query {
    // SAFETY: as above.
    #[cfg(feature = "pg15")]
    unsafe {
        let untyped =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        pg_sys::query_tree_mutator(query, Some(untyped), context, 0)
    }
    // SAFETY: the caller's promise.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::query_tree_mutator_impl(query, Some(mutator), context, 0)
    }
}

/// The columns of a table that a statement selects, inserts and updates, as sets of numbers counted from
/// `FirstLowInvalidHeapAttributeNumber`.
///
/// # Safety
/// `entry` is a relation in the range table of `query`.
pub unsafe fn referenced_columns(
    query: *mut pg_sys::Query,
    entry: *mut pg_sys::RangeTblEntry,
) -> [*mut pg_sys::Bitmapset; 3] {
    // SAFETY: up to 15 the range table entry holds the sets itself.
    #[cfg(feature = "pg15")]
    unsafe {
        let _ = query;
        [(*entry).selectedCols, (*entry).insertedCols, (*entry).updatedCols]
    }
    // SAFETY: the entry of a relation has permission information unless nothing of it is checked.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        if (*entry).perminfoindex == 0 {
            return [std::ptr::null_mut(); 3];
        }
        let information = pg_sys::getRTEPermissionInfo((*query).rteperminfos, entry);
        [
            (*information).selectedCols,
            (*information).insertedCols,
            (*information).updatedCols,
        ]
    }
}

/// Makes a range table entry be read, and its privileges be checked, as a user.
///
/// # Safety
/// The entry is a relation of the query.
pub unsafe fn set_checked_user(
    _query: *mut pg_sys::Query,
    entry: *mut pg_sys::RangeTblEntry,
    user: pg_sys::Oid,
) {
    // SAFETY: up to 15 the range table entry holds the user itself.
    #[cfg(feature = "pg15")]
    unsafe {
        (*entry).checkAsUser = user;
    }
    // SAFETY: an entry that comes from the parser has permission information.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        (*pg_sys::getRTEPermissionInfo((*_query).rteperminfos, entry)).checkAsUser = user;
    }
}
