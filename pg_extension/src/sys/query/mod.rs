//! Queries as the planner gets them, rewritten and with the policies of every table in place: what depends on the whole statement is
//! settled here, and masks are put in place of the columns that the session may not see.
//!
//! Comes in, here with the conditions of row security as a WHERE of the table itself, in the order in which they are asked:
//!
//! ```sql
//! SELECT name, salary
//!   FROM (hr.staff WHERE vpd.guard()
//!                    AND vpd_private.relevant('{4}', salary < 9000)
//!                    AND dept = (SELECT vpd.attribute('hr', 'dept')::integer)
//!                    AND vpd_private.permitted(1, true))
//!  WHERE salary > 5000
//! ```
//!
//! Goes out, where `salary` is column 4 and masked by `0` in rows of others (`relevance` took the mark away, `read` made the sub-select of what `case` gave it):
//!
//! ```sql
//! SELECT name, salary
//!   FROM (SELECT id, name, dept, CASE WHEN (SELECT vpd.user_name()) = name THEN salary ELSE 0 END AS salary
//!           FROM (hr.staff WHERE vpd.guard()
//!                            AND salary < 9000
//!                            AND dept = (SELECT vpd.attribute('hr', 'dept')::integer)
//!                            AND vpd_private.permitted(1, true))) staff
//!  WHERE salary > 5000
//! ```
//!
//! It decides nothing: the table of questions says which columns are masked. Invariant: every level of the query is visited, those of SQL functions
//! in FROM included, before the server's planner sees any; an error ends the statement.

mod asked;
mod audited;
mod case;
mod condition;
mod inlining;
pub mod once;
pub mod order;
mod read;
mod relevance;
pub mod rule;
pub mod sealed;
mod target;
mod time;
mod walk;

use crate::sys::list::{length, nth};
use crate::sys::table::table;
use case::MaskedColumn;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;
use walk::{Walk, entry, read_by};

pub use inlining::{Inlined, init, planning_ended};

/// Settles a query that the planner is about to get, and which is its to change.
///
/// # Safety
/// `query` was rewritten, its relations are locked, and nobody else uses it; `params` are those of its execution, or NULL.
pub unsafe fn settle(query: *mut pg_sys::Query, params: pg_sys::ParamListInfo) -> Inlined {
    let mut walk = Walk {
        inlined: Inlined::new(params),
        visit,
    };
    // SAFETY: the caller's promise.
    unsafe {
        relevance::settle(query);
        sealed::tag(query);
        visit(query, &mut walk);
    }
    walk.inlined
}

/// The same for a query of the server's own, for a foreign key, which runs past policies: only who waits for its rows is told of them.
///
/// # Safety
/// As `settle`.
pub unsafe fn watch_own(query: *mut pg_sys::Query) {
    // SAFETY: the caller's promise; such a query has one level.
    unsafe {
        audited::watch(query, &read_by((*query).jointree.cast()));
    }
}

/// One level of a query and those below it.
unsafe fn visit(query: *mut pg_sys::Query, walk: &mut Walk) {
    // SAFETY: a valid query; lists hold what the server puts there; changing an entry of the range table keeps its number.
    unsafe {
        pg_sys::check_stack_depth();
        for index in 0..length((*query).rtable) {
            let entry = nth((*query).rtable, index).cast::<pg_sys::RangeTblEntry>();
            if (*entry).rtekind == pg_sys::RTEKind::RTE_FUNCTION {
                walk.inlined.expand(entry);
            }
            if (*entry).rtekind == pg_sys::RTEKind::RTE_SUBQUERY && !(*entry).subquery.is_null() {
                visit((*entry).subquery, walk);
            }
        }
        for index in 0..length((*query).cteList) {
            let with = nth((*query).cteList, index).cast::<pg_sys::CommonTableExpr>();
            if is_a((*with).ctequery, pg_sys::NodeTag::T_Query) {
                visit((*with).ctequery.cast(), walk);
            }
        }
        if (*query).hasSubLinks {
            pg_sys::query_tree_walker(
                query,
                Some(sublink_walker),
                std::ptr::from_mut(walk).cast(),
                pg_sys::QTW_IGNORE_RC_SUBQUERIES as i32,
            );
        }
        let read = read_by((*query).jointree.cast());
        // Before masks: they see the values.
        audited::watch(query, &read);
        // The server sets the flag on every level with a policy; where no row security applies there is no mask.
        // What is sealed is masked everywhere.
        let may_be_masked =
            (table().sealing.is_any)() || (*query).hasRowSecurity && (table().policy.has_masks)();
        if !may_be_masked {
            return;
        }
        // Last, so that nothing that is put in is met again.
        let target = (*query).resultRelation;
        for number in read {
            if number != target
                && let Some(columns) = masked(query, number, walk)
            {
                read::hide(query, number, &columns);
            }
        }
        if target > 0 {
            let columns = masked(query, target, walk);
            target::hide(query, target, columns.as_deref().unwrap_or_default());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn sublink_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `Walk` that `visit` passed; the node is valid.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            visit(node.cast(), &mut *context.cast::<Walk>());
            return false;
        }
        pg_sys::expression_tree_walker(node, Some(sublink_walker), context)
    }
}

/// The masked columns of a range table entry: the sealed ones, and when it is a table whose row security applies to whoever it is read for, all of them.
unsafe fn masked(query: *mut pg_sys::Query, number: i32, walk: &mut Walk) -> Option<Vec<MaskedColumn>> {
    // SAFETY: the number is one of the range table; the look-ups are made inside a transaction.
    unsafe {
        let entry = &*entry(query, number);
        let is_table = entry.rtekind == pg_sys::RTEKind::RTE_RELATION
            && [
                pg_sys::RELKIND_RELATION,
                pg_sys::RELKIND_PARTITIONED_TABLE,
                // These have no row security, and may have sealed columns.
                pg_sys::RELKIND_MATVIEW,
                pg_sys::RELKIND_FOREIGN_TABLE,
            ]
            .contains(&(entry.relkind as u8));
        let user = crate::sys::compat::checked_user(query, entry);
        // False for superusers and with BYPASSRLS, as for rows. The queries of foreign keys do not come here.
        if !is_table {
            return None;
        }
        let is_secured = pg_sys::check_enable_rls(entry.relid, user, true)
            == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32;
        let policy = &table().policy;
        let masks = if is_secured {
            policy.masks
        } else {
            policy.sealed_masks
        };
        let columns = masks(entry.relid).unwrap_or_else(|error| error.raise());
        (!columns.is_empty()).then(|| case::columns(entry.relid, user, &columns, walk))
    }
}
