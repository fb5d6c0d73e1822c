//! Rules in the queries that the server sends for foreign keys. What a rule brings along is rewritten together with the server's own
//! query, past forced row security, so the plan would show whatever the owner of a table under policy owns.
//!
//! Nothing is changed here. Of what comes in for `ON DELETE CASCADE`, with
//! `CREATE RULE told AS ON DELETE TO shop.line DO ALSO INSERT INTO shop.told SELECT region FROM shop.orders`:
//!
//! ```sql
//! DELETE FROM ONLY shop.line WHERE $1 = order_id          -- the server's own query: goes out as it is
//! INSERT INTO shop.told SELECT region FROM shop.orders    -- the rule's: refused when shop.orders is under policy for its reader
//! ```

use crate::error::Error;
use crate::sys::compat;
use crate::sys::list::{length, nth};
use crate::sys::referential::Outside;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// True for the server's own query, which the rewriter hands on as it was; false for whatever comes from a rule.
///
/// # Safety
/// The query was rewritten.
pub unsafe fn is_own(query: *mut pg_sys::Query) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*query).querySource == pg_sys::QuerySource::QSRC_ORIGINAL }
}

/// An error when the query holds a table whose row security does not apply because of the state of the server alone. Called in that state.
///
/// # Safety
/// The query was rewritten; its relations are locked.
pub unsafe fn check(query: *mut pg_sys::Query) {
    // SAFETY: a valid query, and the catalogue look-ups are made inside a transaction.
    unsafe {
        check_walker(query.cast(), std::ptr::null_mut());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a valid tree; a range table holds RangeTblEntry nodes.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::expression_tree_walker(node, Some(check_walker), context);
        }
        let query = node.cast::<pg_sys::Query>();
        for index in 0..length((*query).rtable) {
            let entry = &*nth((*query).rtable, index).cast::<pg_sys::RangeTblEntry>();
            if entry.rtekind == pg_sys::RTEKind::RTE_RELATION && is_opened(query, entry) {
                Error::rule_refused().raise();
            }
        }
        pg_sys::query_tree_walker(query, Some(check_walker), context, 0)
    }
}

unsafe fn is_opened(query: *mut pg_sys::Query, entry: &pg_sys::RangeTblEntry) -> bool {
    // SAFETY: as above; nothing is raised by the look-ups.
    unsafe {
        let user = compat::checked_user(query, entry);
        let is_restricted = || {
            pg_sys::check_enable_rls(entry.relid, user, true)
                == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
        };
        !is_restricted() && {
            let _outside = Outside::enter();
            is_restricted()
        }
    }
}
