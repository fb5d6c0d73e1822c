//! The expression that stands for a masked column, and the condition under which its value may be changed.
//!
//! Comes in, two columns with a mask each:
//!
//! ```sql
//! salary    -- mask 0, visible where name = vpd.user_name()
//! name      -- mask (SELECT max(u.name) FROM hr.unseen u), visible nowhere
//! ```
//!
//! Goes out; sub-selects are rewritten with the policies and masks of what they read, for whoever reads the table:
//!
//! ```sql
//! CASE WHEN (SELECT vpd.user_name()) = name THEN salary ELSE 0 END    -- may be changed where the condition is true
//! (SELECT max(u.name) FROM (hr.unseen u WHERE <its conditions>))      -- may be changed nowhere
//! ```
//!
//! Where several masks lie over one column, the first is outermost, and the value is seen where all are lifted:
//! `CASE WHEN first THEN CASE WHEN second THEN salary ELSE mask END ELSE mask END`.

use super::relevance;
use super::walk::Walk;
use crate::error::Error;
use crate::sys::list::{length, nth};
use crate::sys::predicate::choice;
use crate::sys::{relation, restriction};
use pgrx::{is_a, pg_guard, pg_sys};
use std::cell::RefCell;
use std::ffi::c_void;

// Exported by the server, declared here because the bindings leave it out.
unsafe extern "C-unwind" {
    fn setRuleCheckAsUser(node: *mut pg_sys::Node, user: pg_sys::Oid);
}

thread_local! {
    /// Tables whose masks are being put in, to notice one that reads its own table.
    static EXPANDING: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// A masked column, ready to be put into a query. The trees refer to the table as range table entry 1.
pub struct MaskedColumn {
    /// Number of the column.
    pub attribute: i16,
    /// What stands for it.
    pub shown: *mut pg_sys::Node,
    /// Where its true value is shown; NULL for nowhere.
    pub visible: *mut pg_sys::Node,
    /// Whether the trees contain sub-selects.
    pub has_sublinks: bool,
}

/// Builds the expressions for the masked columns of a table that is read for `user`, or for the current one.
pub unsafe fn columns(
    table: pg_sys::Oid,
    user: pg_sys::Oid,
    columns: &[restriction::MaskedColumn],
    walk: &mut Walk,
) -> Vec<MaskedColumn> {
    let _expanding = Expanding::enter(table);
    columns
        .iter()
        // SAFETY: the table is locked and has the columns.
        .map(|column| unsafe { build(table, user, column, walk) })
        .collect()
}

unsafe fn build(
    table: pg_sys::Oid,
    user: pg_sys::Oid,
    column: &restriction::MaskedColumn,
    walk: &mut Walk,
) -> MaskedColumn {
    // SAFETY: copies of compiled trees; the column exists.
    unsafe {
        let mut shown = variable(table, column.attribute);
        let mut visible: *mut pg_sys::Node = std::ptr::null_mut();
        let mut is_ever_visible = true;
        let mut has_sublinks = false;
        for layer in column.layers.iter().rev() {
            let value = match &layer.value {
                Some(value) => {
                    has_sublinks |= value.has_sublinks;
                    value.copy()
                }
                None => nothing(shown),
            };
            match &layer.visible {
                Some(predicate) => {
                    has_sublinks |= predicate.has_sublinks;
                    shown = choice(predicate.copy(), shown, value);
                    visible = pg_sys::make_and_qual(visible, predicate.copy());
                }
                None => {
                    shown = value;
                    is_ever_visible = false;
                }
            }
        }
        if !is_ever_visible {
            visible = std::ptr::null_mut();
        }
        for tree in [shown, visible] {
            if has_sublinks && !tree.is_null() {
                guarded!(setRuleCheckAsUser(tree, user));
                rewrite_walker(tree, std::ptr::from_mut(walk).cast());
            }
        }
        MaskedColumn {
            attribute: column.attribute,
            shown,
            visible,
            has_sublinks,
        }
    }
}

/// NULL in the place of an expression.
pub unsafe fn nothing(expression: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: a valid expression.
    unsafe {
        pg_sys::makeNullConst(
            pg_sys::exprType(expression),
            pg_sys::exprTypmod(expression),
            pg_sys::exprCollation(expression),
        )
        .cast()
    }
}

unsafe fn variable(table: pg_sys::Oid, attribute: i16) -> *mut pg_sys::Node {
    let mut kind = pg_sys::InvalidOid;
    let mut modifier = -1;
    let mut collation = pg_sys::InvalidOid;
    // SAFETY: the column exists; the out-pointers are valid.
    unsafe {
        pg_sys::get_atttypetypmodcoll(table, attribute, &mut kind, &mut modifier, &mut collation);
        pg_sys::makeVar(1, attribute, kind, modifier, collation, 0).cast()
    }
}

/// Sub-selects in a mask get what the server gives those of a policy: locks, views, row security; and masks of their own.
#[pg_guard]
unsafe extern "C-unwind" fn rewrite_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `Walk` that `build` passed; the trees are ours to change.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_SubLink) {
            let link = node.cast::<pg_sys::SubLink>();
            if is_a((*link).subselect, pg_sys::NodeTag::T_Query) {
                let query = (*link).subselect.cast::<pg_sys::Query>();
                // A hoisted read of the session reads no table.
                if !(*query).rtable.is_null() || !(*query).cteList.is_null() || (*query).hasSubLinks {
                    (*link).subselect = rewritten(query, &mut *context.cast::<Walk>()).cast();
                }
            }
            return rewrite_walker((*link).testexpr, context);
        }
        pg_sys::expression_tree_walker(node, Some(rewrite_walker), context)
    }
}

unsafe fn rewritten(query: *mut pg_sys::Query, walk: &mut Walk) -> *mut pg_sys::Query {
    // SAFETY: the query was analyzed from the text of a mask and is a SELECT; rewriting it gives one query.
    unsafe {
        pg_sys::AcquireRewriteLocks(query, true, false);
        let list = pg_sys::QueryRewrite(query);
        if length(list) != 1 {
            Error::mask_broken("").raise();
        }
        let query = nth(list, 0).cast::<pg_sys::Query>();
        relevance::settle(query);
        (walk.visit)(query, walk);
        query
    }
}

struct Expanding;

impl Expanding {
    fn enter(table: pg_sys::Oid) -> Self {
        EXPANDING
            .with_borrow_mut(|expanding| {
                if expanding.contains(&table) {
                    return Err(Error::mask_recursive(&relation::name(table)));
                }
                expanding.push(table);
                Ok(Self)
            })
            .unwrap_or_else(|error| error.raise())
    }
}

impl Drop for Expanding {
    fn drop(&mut self) {
        EXPANDING.with_borrow_mut(|expanding| expanding.pop());
    }
}
