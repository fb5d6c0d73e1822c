//! Policies that apply only to statements which reference certain columns.
//!
//! The row-security hook knows the table and not the statement, so it marks such a condition as `relevant(columns, condition)`. The
//! statement is known when it is planned: the condition then stands alone, or goes. A mark that nobody settles is the condition.
//!
//! Comes in (the table with its conditions of row security; `salary` is column 4), and what is checked of new rows:
//!
//! ```sql
//! SELECT name   FROM (hr.staff WHERE vpd_private.relevant('{4}', salary < 9000) AND …)
//! SELECT salary FROM (hr.staff WHERE vpd_private.relevant('{4}', salary < 9000) AND …)
//! UPDATE hr.staff SET name = 'x'
//!   -- CHECK (CASE WHEN vpd_private.relevant('{4}', salary < 9000) THEN true ELSE vpd_private.policy_violated('hr.staff', 'high_pay') END)
//! ```
//!
//! Goes out:
//!
//! ```sql
//! SELECT name   FROM (hr.staff WHERE …)
//! SELECT salary FROM (hr.staff WHERE salary < 9000 AND …)
//! UPDATE hr.staff SET name = 'x'
//!   -- CHECK (CASE WHEN true THEN true ELSE vpd_private.policy_violated('hr.staff', 'high_pay') END)
//! ```

use crate::error::Error;
use crate::sys::compat;
use crate::sys::list::{length, nth};
use crate::sys::predicate::{always_true, relevant_function};
use pgrx::{FromDatum, is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// Settles the marks of a query and of every query in it.
///
/// # Safety
/// `query` is a rewritten query that may be changed.
pub unsafe fn settle(query: *mut pg_sys::Query) {
    // SAFETY: the caller's promise; the server sets the flag on every query with a policy anywhere below it.
    unsafe {
        if (*query).hasRowSecurity {
            settle_walker(query.cast(), std::ptr::null_mut());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn settle_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a valid tree of the query that `settle` got.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::expression_tree_walker(node, Some(settle_walker), context);
        }
        let query = node.cast::<pg_sys::Query>();
        settle_level(query);
        pg_sys::query_tree_walker(query, Some(settle_walker), context, 0)
    }
}

unsafe fn settle_level(query: *mut pg_sys::Query) {
    // SAFETY: as in `settle_walker`; a range table holds RangeTblEntry nodes.
    unsafe {
        for index in 0..length((*query).rtable) {
            let entry = nth((*query).rtable, index).cast::<pg_sys::RangeTblEntry>();
            let quals = (*entry).securityQuals;
            if (*entry).rtekind != pg_sys::RTEKind::RTE_RELATION || quals.is_null() {
                continue;
            }
            let references = References::of(query, entry, index + 1);
            let mut settled = std::ptr::null_mut();
            for position in 0..length(quals) {
                let qual = nth(quals, position);
                match Mark::read(qual) {
                    None => settled = pg_sys::lappend(settled, qual.cast()),
                    Some(mark) if references.any_of(&mark.columns) => {
                        settled = pg_sys::lappend(settled, mark.condition.cast());
                    }
                    Some(_) => (),
                }
            }
            (*entry).securityQuals = settled;
        }
        let target = (*query).resultRelation;
        if target > 0 && !(*query).withCheckOptions.is_null() {
            let entry = nth((*query).rtable, target - 1).cast::<pg_sys::RangeTblEntry>();
            let mut references = References::of(query, entry, target);
            for index in 0..length((*query).withCheckOptions) {
                let check = nth((*query).withCheckOptions, index).cast::<pg_sys::WithCheckOption>();
                (*check).qual = check_mutator((*check).qual, std::ptr::from_mut(&mut references).cast());
            }
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the `References` of `settle_level`; a sub-select was settled by the walk.
    unsafe {
        let references = &*context.cast::<References>();
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return node;
        }
        match Mark::read(node) {
            None => compat::mutate_expression(node, check_mutator, context),
            Some(mark) if references.any_of(&mark.columns) => mark.condition,
            Some(_) => always_true(),
        }
    }
}

/// A marked condition.
struct Mark {
    columns: Vec<i16>,
    condition: *mut pg_sys::Node,
}

impl Mark {
    /// The mark, if the node is one.
    unsafe fn read(node: *mut pg_sys::Node) -> Option<Self> {
        // SAFETY: a valid expression; the function's arguments are a constant of type smallint[] and a condition.
        unsafe {
            if node.is_null() || !is_a(node, pg_sys::NodeTag::T_FuncExpr) {
                return None;
            }
            let call = &*node.cast::<pg_sys::FuncExpr>();
            if call.funcresulttype != pg_sys::BOOLOID || length(call.args) != 2 {
                return None;
            }
            let columns = nth(call.args, 0);
            if !is_a(columns, pg_sys::NodeTag::T_Const)
                || call.funcid != relevant_function().unwrap_or_else(|error: Error| error.raise())
            {
                return None;
            }
            let columns = &*columns.cast::<pg_sys::Const>();
            Some(Self {
                columns: Vec::<i16>::from_datum(columns.constvalue, columns.constisnull).unwrap_or_default(),
                condition: nth(call.args, 1),
            })
        }
    }
}

/// The columns of a table that a statement reads or writes: those whose privileges are checked, and those that stand in it. A rule of
/// the table brings columns into a statement that nobody's privileges are checked for.
struct References {
    sets: [*mut pg_sys::Bitmapset; 3],
    variables: Vec<i16>,
    is_whole_row: bool,
}

impl References {
    unsafe fn of(query: *mut pg_sys::Query, entry: *mut pg_sys::RangeTblEntry, index: i32) -> Self {
        // SAFETY: the entry is the query's own, at this index.
        unsafe {
            Self {
                sets: compat::referenced_columns(query, entry),
                variables: Variables::of(query, index),
                // What a DELETE removes is every column.
                is_whole_row: (*query).resultRelation == index && deletes(query),
            }
        }
    }

    fn any_of(&self, columns: &[i16]) -> bool {
        let holds = |number: i16| {
            let member = i32::from(number) - pg_sys::FirstLowInvalidHeapAttributeNumber;
            // SAFETY: bitmap sets of the range table entry, or NULL for an empty one.
            self.variables.contains(&number)
                || self
                    .sets
                    .iter()
                    .any(|set| unsafe { pg_sys::bms_is_member(member, *set) })
        };
        self.is_whole_row || holds(0) || columns.iter().any(|number| holds(*number))
    }
}

/// Collects the columns of one table that stand in a query, in its sub-selects too, but not in conditions of policies.
struct Variables {
    index: i32,
    level: u32,
    found: Vec<i16>,
}

impl Variables {
    unsafe fn of(query: *mut pg_sys::Query, index: i32) -> Vec<i16> {
        let mut variables = Self {
            index,
            level: 0,
            found: Vec::new(),
        };
        // SAFETY: a valid query; the context is the value itself.
        unsafe { walk_query(query, std::ptr::from_mut(&mut variables).cast()) };
        variables.found
    }
}

unsafe fn walk_query(query: *mut pg_sys::Query, context: *mut c_void) {
    // SAFETY: as in `settle_walker`. Of the range table only what stands in the statement is walked: neither the conditions of
    // policies nor the lists of all columns of joins.
    unsafe {
        let flags = pg_sys::QTW_IGNORE_RANGE_TABLE | pg_sys::QTW_IGNORE_JOINALIASES;
        pg_sys::query_tree_walker(query, Some(variable_walker), context, flags as i32);
        for position in 0..length((*query).rtable) {
            let entry = nth((*query).rtable, position).cast::<pg_sys::RangeTblEntry>();
            for node in [
                (*entry).subquery.cast::<pg_sys::Node>(),
                (*entry).functions.cast(),
                (*entry).tablefunc.cast(),
                (*entry).values_lists.cast(),
                (*entry).tablesample.cast(),
            ] {
                variable_walker(node, context);
            }
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn variable_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `Variables` of `walk_query`; the node is valid and of the type its tag says.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_WithCheckOption => false,
            pg_sys::NodeTag::T_Query => {
                (*context.cast::<Variables>()).level += 1;
                walk_query(node.cast(), context);
                (*context.cast::<Variables>()).level -= 1;
                false
            }
            pg_sys::NodeTag::T_Var => {
                let variables = &mut *context.cast::<Variables>();
                let variable = &*node.cast::<pg_sys::Var>();
                if variable.varno == variables.index && variable.varlevelsup == variables.level {
                    variables.found.push(variable.varattno);
                }
                false
            }
            _ => pg_sys::expression_tree_walker(node, Some(variable_walker), context),
        }
    }
}

unsafe fn deletes(query: *mut pg_sys::Query) -> bool {
    // SAFETY: a list of MergeAction nodes.
    unsafe {
        (*query).commandType == pg_sys::CmdType::CMD_DELETE
            || (0..length((*query).mergeActionList)).any(|index| {
                let action = nth((*query).mergeActionList, index).cast::<pg_sys::MergeAction>();
                (*action).commandType == pg_sys::CmdType::CMD_DELETE
            })
    }
}
