//! The table that a statement writes. It must stay a table, so masks are put in place of its columns one by one: wherever the
//! statement reads a row, or returns it. Assignments to masked columns are refused in rows where the value is not visible.
//!
//! Comes in:
//!
//! ```sql
//! UPDATE hr.staff
//!    SET salary = salary + 1
//!  WHERE salary > 5000
//! RETURNING salary
//! ```
//!
//! Goes out, for a mask `0` that is lifted where `visible` holds:
//!
//! ```sql
//! UPDATE hr.staff
//!    SET salary = CASE WHEN visible THEN CASE WHEN visible THEN salary ELSE 0 END + 1
//!                      ELSE CASE WHEN vpd_private.mask_violated('hr.staff', 'salary') THEN NULL ELSE NULL END END
//!  WHERE CASE WHEN visible THEN salary ELSE 0 END > 5000
//! RETURNING CASE WHEN visible THEN salary ELSE 0 END
//! ```
//!
//! `ON CONFLICT DO UPDATE` and the actions of MERGE likewise; `excluded` is the caller's own row, and stays as it is. `mask_violated` raises an error.

use super::audited;
use super::case::{MaskedColumn, nothing};
use super::condition;
use super::walk::entry;
use crate::sys::compat;
use crate::sys::list::{length, nth};
use crate::sys::predicate::{choice, refusal};
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// Puts the masks of the target, and what views over it check, into the query.
///
/// # Safety
/// Entry `number` is the result relation of the query, and locked; the columns are the table's.
pub unsafe fn hide(query: *mut pg_sys::Query, number: i32, columns: &[MaskedColumn]) {
    if columns.is_empty() {
        return;
    }
    // SAFETY: each part of the query is replaced by a copy of the kind it was.
    unsafe {
        let target = entry(query, number);
        let mut walk = Replacement {
            number,
            depth: 0,
            columns,
            did_insert_sublink: false,
        };
        for column in columns {
            for tree in [column.shown, column.visible] {
                pg_sys::ChangeVarNodes(tree, 1, number, 0);
            }
        }
        let query = &mut *query;
        let relation = (*target).relid;
        if query.commandType != pg_sys::CmdType::CMD_INSERT {
            query.targetList = walk.list(query.targetList);
        }
        if query.commandType == pg_sys::CmdType::CMD_UPDATE {
            walk.guard(relation, query.targetList);
        }
        query.jointree = walk.tree(query.jointree.cast()).cast();
        query.returningList = walk.list(query.returningList);
        if let Some(conflict) = query.onConflict.as_mut() {
            conflict.onConflictSet = walk.list(conflict.onConflictSet);
            conflict.onConflictWhere = walk.tree(conflict.onConflictWhere);
            walk.guard(relation, conflict.onConflictSet);
        }
        for index in 0..length(query.mergeActionList) {
            let action = &mut *nth(query.mergeActionList, index).cast::<pg_sys::MergeAction>();
            action.qual = walk.tree(action.qual);
            action.targetList = walk.list(action.targetList);
            if action.commandType == pg_sys::CmdType::CMD_UPDATE {
                walk.guard(relation, action.targetList);
            }
        }
        compat::replace_merge_condition(query, |tree| walk.tree(tree));
        // The grammar lets no entry refer to the target; a rule might.
        for index in 0..length(query.rtable) {
            walk.entry(nth(query.rtable, index).cast());
        }
        // What a view over the table checks, its author wrote, who may be anybody. Policies check the true values.
        for index in 0..length(query.withCheckOptions) {
            let check = &mut *nth(query.withCheckOptions, index).cast::<pg_sys::WithCheckOption>();
            if !is_of_row_security(check.kind) {
                check.qual = walk.tree(check.qual);
            }
        }
        walk.conditions((*target).securityQuals);
        query.hasSubLinks |= walk.did_insert_sublink;
    }
}

/// Whether a check is one of policies. The rest are conditions of views, over new rows and, since 15.20, over the row that an ON CONFLICT meets.
fn is_of_row_security(kind: pg_sys::WCOKind::Type) -> bool {
    use pg_sys::WCOKind::*;
    matches!(
        kind,
        WCO_RLS_INSERT_CHECK
            | WCO_RLS_UPDATE_CHECK
            | WCO_RLS_CONFLICT_CHECK
            | WCO_RLS_MERGE_UPDATE_CHECK
            | WCO_RLS_MERGE_DELETE_CHECK
    )
}

/// Lets the conditions that views have put on a table which is only read see the masks.
///
/// # Safety
/// The conditions are those of entry 1 of their query; the trees of the columns refer to it.
pub unsafe fn hide_from_views(conditions: *mut pg_sys::List, columns: &[MaskedColumn]) {
    let mut walk = Replacement {
        number: 1,
        depth: 0,
        columns,
        did_insert_sublink: false,
    };
    // SAFETY: the caller's promise.
    unsafe { walk.conditions(conditions) }
}

struct Replacement<'a> {
    number: i32,
    depth: u32,
    columns: &'a [MaskedColumn],
    did_insert_sublink: bool,
}

impl Replacement<'_> {
    unsafe fn tree(&mut self, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
        // SAFETY: a valid tree; the context is this value.
        unsafe { replace_mutator(node, std::ptr::from_mut(self).cast()) }
    }

    unsafe fn list(&mut self, list: *mut pg_sys::List) -> *mut pg_sys::List {
        // SAFETY: a mutator makes a list of a list.
        unsafe { self.tree(list.cast()).cast() }
    }

    /// Policies read the values, and so do audit policies; the authors of views the masks.
    unsafe fn conditions(&mut self, conditions: *mut pg_sys::List) {
        // SAFETY: each index is one of the list, whose elements are expressions.
        unsafe {
            if conditions.is_null() {
                return;
            }
            for index in condition::of_policies(conditions)..length(conditions) {
                let cell = (*conditions).elements.add(index as usize);
                if !audited::is_watch((*cell).ptr_value.cast()) {
                    (*cell).ptr_value = self.tree((*cell).ptr_value.cast()).cast();
                }
            }
        }
    }

    unsafe fn entry(&mut self, entry: *mut pg_sys::RangeTblEntry) {
        use pg_sys::RTEKind::*;
        // SAFETY: each field is used as the kind of the entry says.
        unsafe {
            match (*entry).rtekind {
                RTE_JOIN => (*entry).joinaliasvars = self.list((*entry).joinaliasvars),
                RTE_SUBQUERY if (*entry).lateral => {
                    (*entry).subquery = self.tree((*entry).subquery.cast()).cast();
                }
                RTE_FUNCTION if (*entry).lateral => (*entry).functions = self.list((*entry).functions),
                RTE_VALUES if (*entry).lateral => {
                    (*entry).values_lists = self.list((*entry).values_lists);
                }
                RTE_TABLEFUNC if (*entry).lateral => {
                    (*entry).tablefunc = self.tree((*entry).tablefunc.cast()).cast();
                }
                _ => (),
            }
        }
    }

    /// `CASE WHEN visible THEN new value ELSE error END` for each assignment to a masked column.
    unsafe fn guard(&mut self, relation: pg_sys::Oid, assignments: *mut pg_sys::List) {
        // SAFETY: targets of an update are numbered as the columns they are assigned to.
        unsafe {
            for index in 0..length(assignments) {
                let target = &mut *nth(assignments, index).cast::<pg_sys::TargetEntry>();
                let masked = self
                    .columns
                    .iter()
                    .find(|column| column.attribute == target.resno);
                let Some(masked) = masked.filter(|_| !target.resjunk) else {
                    continue;
                };
                let assigned: *mut pg_sys::Node = target.expr.cast();
                let name = CStr::from_ptr(pg_sys::get_attname(relation, masked.attribute, false));
                let refused = refusal(c"mask_violated", relation, &name.to_string_lossy())
                    .unwrap_or_else(|error| error.raise());
                let error = choice(refused, nothing(assigned), nothing(assigned));
                target.expr = if masked.visible.is_null() {
                    error.cast()
                } else {
                    self.did_insert_sublink |= masked.has_sublinks;
                    let visible = pg_sys::copyObjectImpl(masked.visible.cast()).cast();
                    choice(visible, assigned, error).cast()
                };
            }
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn replace_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the `Replacement` that `tree` passed; the node is valid and of the type its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            let walk = &mut *context.cast::<Replacement>();
            let did_insert = std::mem::replace(&mut walk.did_insert_sublink, false);
            walk.depth += 1;
            let copy = compat::mutate_query(node.cast(), replace_mutator, context);
            let walk = &mut *context.cast::<Replacement>();
            walk.depth -= 1;
            (*copy).hasSubLinks |= walk.did_insert_sublink;
            walk.did_insert_sublink = did_insert;
            return copy.cast();
        }
        if is_a(node, pg_sys::NodeTag::T_Var) {
            let walk = &mut *context.cast::<Replacement>();
            let variable = &*node.cast::<pg_sys::Var>();
            if variable.varno == walk.number && variable.varlevelsup == walk.depth {
                return walk.stand_in(variable);
            }
        }
        compat::mutate_expression(node, replace_mutator, context)
    }
}

impl Replacement<'_> {
    unsafe fn stand_in(&mut self, variable: &pg_sys::Var) -> *mut pg_sys::Node {
        // SAFETY: copies are made of valid trees and raised to the level of the reference.
        unsafe {
            if variable.varattno == 0 {
                return self.whole_row(variable);
            }
            let masked = self
                .columns
                .iter()
                .find(|column| column.attribute == variable.varattno);
            let Some(masked) = masked else {
                return pg_sys::copyObjectImpl(std::ptr::from_ref(variable).cast()).cast();
            };
            self.did_insert_sublink |= masked.has_sublinks;
            let shown = pg_sys::copyObjectImpl(masked.shown.cast()).cast();
            if self.depth > 0 {
                pg_sys::IncrementVarSublevelsUp(shown, self.depth as i32, 0);
            }
            shown
        }
    }

    unsafe fn whole_row(&mut self, variable: &pg_sys::Var) -> *mut pg_sys::Node {
        // SAFETY: the row type is the table's, dropped columns included, which a row expression takes any NULL for.
        unsafe {
            let relation = pg_sys::get_typ_typrelid(variable.vartype);
            let opened = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
            let attributes = (*(*opened).rd_att)
                .attrs
                .as_slice((*(*opened).rd_att).natts as usize);
            let mut row = pgrx::PgBox::<pg_sys::RowExpr>::alloc_node(pg_sys::NodeTag::T_RowExpr);
            for (number, attribute) in (1_i16..).zip(attributes) {
                let field = if attribute.attisdropped {
                    pg_sys::makeNullConst(pg_sys::INT4OID, -1, pg_sys::InvalidOid).cast()
                } else {
                    let part = pg_sys::makeVar(
                        self.number,
                        number,
                        attribute.atttypid,
                        attribute.atttypmod,
                        attribute.attcollation,
                        self.depth,
                    );
                    self.stand_in(&*part)
                };
                row.args = pg_sys::lappend(row.args, field.cast());
            }
            row.row_typeid = variable.vartype;
            row.row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
            row.location = -1;
            pg_sys::relation_close(opened, pg_sys::AccessShareLock as i32);
            row.into_pg().cast()
        }
    }
}
