//! Expressions of which a part is evaluated for some rows only. The server asks a condition before those of row security where no function in it that could tell
//! of values is given a column. But which branch of a CASE is taken tells of values too, when something in the branch has an effect that shows: a function of the caller, a
//! sub-select, an error. Such an expression becomes the argument of a function that could tell, so that the server asks it after policies.
//!
//! Comes in:
//!
//! ```sql
//! SELECT id FROM (hr.staff WHERE <conditions of row security>) WHERE CASE WHEN salary > 5000 THEN (SELECT mine.noted()) ELSE false END
//! ```
//!
//! Goes out:
//!
//! ```sql
//! SELECT id FROM (hr.staff WHERE <conditions of row security>) WHERE vpd_private.held(CASE WHEN salary > 5000 THEN (SELECT mine.noted()) ELSE false END)
//! ```
//!
//! Conditions that are joined by AND at the top stay apart: the server asks each by itself. One of them that names no column, and may be another for each row, would be asked
//! before policies as well, and so for rows that they hide:
//!
//! ```sql
//! SELECT id FROM (hr.staff WHERE <conditions of row security>) WHERE salary > 5000 AND mine.noted()
//! SELECT id FROM (hr.staff WHERE <conditions of row security>) WHERE salary > 5000 AND vpd_private.held(mine.noted(), tableoid)
//! ```
//!
//! Invariant: an expression that goes out and holds a column has no effect in a
//! part that is evaluated for some rows only, or stands in that function.

use super::walk::read_by;
use crate::sys::compat;
use crate::sys::list::{length, list, nth};
use crate::sys::predicate::held_function;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// A function gets no more.
const MAX_ARGUMENTS: usize = 90;

/// Holds such expressions of one level of a query back.
///
/// # Safety
/// `query` was rewritten and is the planner's to change; masks were not put in place yet.
pub unsafe fn hold(query: *mut pg_sys::Query) {
    // SAFETY: the trees are the query's own.
    unsafe {
        let query = &mut *query;
        query.targetList = mutate(query, query.targetList.cast()).cast();
        query.jointree = mutate(query, query.jointree.cast()).cast();
        query.havingQual = conjunction(query, query.havingQual, &[]);
        for index in 0..length(query.mergeActionList) {
            let action = &mut *nth(query.mergeActionList, index).cast::<pg_sys::MergeAction>();
            action.qual = conjunction(query, action.qual, &[]);
        }
        let level = std::ptr::from_mut(query);
        compat::replace_merge_condition(query, |tree| conjunction(&*level, tree, &[]));
    }
}

unsafe fn mutate(query: &pg_sys::Query, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: a valid tree of the query.
    unsafe { hold_mutator(node, std::ptr::from_ref(query).cast_mut().cast()) }
}

/// Each condition of those that are joined by AND, over what is read there.
unsafe fn conjunction(
    query: &pg_sys::Query,
    condition: *mut pg_sys::Node,
    read: &[i32],
) -> *mut pg_sys::Node {
    // SAFETY: a valid expression.
    unsafe {
        if is_of(condition, pg_sys::BoolExprType::AND_EXPR) {
            let joined = &mut *condition.cast::<pg_sys::BoolExpr>();
            for index in 0..length(joined.args) {
                let cell = (*joined.args).elements.add(index as usize);
                (*cell).ptr_value = conjunction(query, (*cell).ptr_value.cast(), read).cast();
            }
            return condition;
        }
        let condition = mutate(query, condition);
        if condition.is_null() || read.is_empty() || !is_blind(condition) {
            return condition;
        }
        let rows = read.iter().map(|number| row_of(query, *number));
        held(condition, rows)
    }
}

/// Whether it names no column and may be another for each row.
unsafe fn is_blind(condition: *mut pg_sys::Node) -> bool {
    // SAFETY: a valid expression.
    unsafe { !Look::at(condition).has_column && pg_sys::contain_volatile_functions(condition) }
}

/// Something of a row of an entry of the range table: of a table a column of the system's, of anything else the whole row.
unsafe fn row_of(query: &pg_sys::Query, number: i32) -> *mut pg_sys::Node {
    // SAFETY: the number is one of the range table.
    unsafe {
        let entry = nth(query.rtable, number - 1).cast::<pg_sys::RangeTblEntry>();
        if (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION {
            let attribute = pg_sys::TableOidAttributeNumber as i16;
            return pg_sys::makeVar(number, attribute, pg_sys::OIDOID, -1, pg_sys::InvalidOid, 0).cast();
        }
        pg_sys::makeWholeRowVar(entry, number, 0, false).cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn hold_mutator(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return node;
    }
    // SAFETY: a valid tree of the query that `hold` got, which is the context; a query in it is walked by itself.
    unsafe {
        let query = &*context.cast::<pg_sys::Query>();
        match (*node).type_ {
            T_Query => node,
            T_FromExpr => {
                let from = node.cast::<pg_sys::FromExpr>();
                let read = read_by(node);
                (*from).fromlist = mutate(query, (*from).fromlist.cast()).cast();
                (*from).quals = conjunction(query, (*from).quals, &read);
                node
            }
            T_JoinExpr => {
                let join = node.cast::<pg_sys::JoinExpr>();
                let read = read_by(node);
                (*join).larg = mutate(query, (*join).larg);
                (*join).rarg = mutate(query, (*join).rarg);
                (*join).quals = conjunction(query, (*join).quals, &read);
                node
            }
            _ if is_lazy(node) && Look::at(node).tells_silently() => held(node, std::iter::empty()),
            _ => compat::mutate_expression(node, hold_mutator, context),
        }
    }
}

/// Whether it may leave a part of it out.
unsafe fn is_lazy(node: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: the node is read as what its tag says.
    unsafe {
        matches!((*node).type_, T_CaseExpr | T_RowCompareExpr | T_SubscriptingRef)
            || is_of(node, pg_sys::BoolExprType::AND_EXPR)
            || is_of(node, pg_sys::BoolExprType::OR_EXPR)
    }
}

unsafe fn is_of(node: *mut pg_sys::Node, kind: pg_sys::BoolExprType::Type) -> bool {
    // SAFETY: the node is read as what its tag says.
    unsafe {
        !node.is_null()
            && is_a(node, pg_sys::NodeTag::T_BoolExpr)
            && (*node.cast::<pg_sys::BoolExpr>()).boolop == kind
    }
}

/// What stands in an expression.
#[derive(Default)]
struct Look {
    /// A column, of this level or of one around it: a sub-select may become a part of that.
    has_column: bool,
    /// Something that could show that it was evaluated, and is given no column of this level.
    has_effect: bool,
}

impl Look {
    unsafe fn at(node: *mut pg_sys::Node) -> Self {
        let mut look = Self::default();
        // SAFETY: a valid expression; the context is the value itself.
        unsafe { look_walker(node, std::ptr::from_mut(&mut look).cast()) };
        look
    }

    /// A function that is given a column as well makes the server know, and may be folded away before it looks.
    fn tells_silently(&self) -> bool {
        self.has_column && self.has_effect
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn look_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `Look` that `at` passed; the server's own look at the functions of a node.
    unsafe {
        let look = &mut *context.cast::<Look>();
        match (*node).type_ {
            T_Var => look.has_column = true,
            T_SubLink => look.has_effect = true,
            _ if pg_sys::check_functions_in_node(node, Some(could_tell), std::ptr::null_mut()) => {
                look.has_effect |= !pg_sys::contain_var_clause(node) && !is_constant_of_server(node);
            }
            _ => (),
        }
        pg_sys::expression_tree_walker(node, Some(look_walker), context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn could_tell(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { !pg_sys::get_func_leakproof(function) }
}

/// `now()` and its kin: without arguments, and the same throughout the statement.
unsafe fn is_constant_of_server(node: *mut pg_sys::Node) -> bool {
    // SAFETY: the node is read as what its tag says; a catalogue look-up.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_FuncExpr) {
            return false;
        }
        let call = &*node.cast::<pg_sys::FuncExpr>();
        call.args.is_null()
            && call.funcid.to_u32() < pg_sys::FirstNormalObjectId
            && pg_sys::func_volatile(call.funcid) as u8 != pg_sys::PROVOLATILE_VOLATILE
    }
}

/// `vpd_private.held(expression, rows…)`.
unsafe fn held(node: *mut pg_sys::Node, rows: impl Iterator<Item = *mut pg_sys::Node>) -> *mut pg_sys::Node {
    let function = held_function().unwrap_or_else(|error| error.raise());
    // SAFETY: a call of a function whose result is its first argument, of the same type and collation.
    unsafe {
        let collation = pg_sys::exprCollation(node);
        // A list of values of any type has one at least.
        let nothing = pg_sys::makeNullConst(pg_sys::TEXTOID, -1, pg_sys::InvalidOid).cast();
        let arguments: Vec<*mut pg_sys::Node> = [node, nothing]
            .into_iter()
            .chain(rows)
            .take(MAX_ARGUMENTS)
            .collect();
        pg_sys::makeFuncExpr(
            function,
            pg_sys::exprType(node),
            list(&arguments),
            collation,
            collation,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast()
    }
}
