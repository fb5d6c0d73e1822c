//! What of a condition names no column and may not be another for each row, but is no constant either: `mine.told()`, `current_setting('app.region')`, `now() - '1 day'::interval`.
//! The server takes it for one value throughout the statement, and has only the word of whoever wrote the function. From two equalities with one column it keeps one and the
//! equality of the two others. So a function that answers first one thing, then another, takes the place of a policy; and a check of what an index found, which comes before policies, calls it
//! for rows that they hide. Such a part becomes the result of a sub-select, which is evaluated once.
//!
//! Comes in, and what the server would make of it:
//!
//! ```sql
//! SELECT id FROM (shop.orders WHERE owner = (SELECT vpd.user_name())) WHERE owner = mine.told()
//! SELECT id FROM shop.orders WHERE owner = mine.told() AND (SELECT vpd.user_name()) = mine.told()
//! ```
//!
//! Goes out:
//!
//! ```sql
//! SELECT id FROM (shop.orders WHERE owner = (SELECT vpd.user_name())) WHERE owner = (SELECT mine.told())
//! ```
//!
//! It is done after sub-selects are pulled up and SQL functions put in line, because that makes such conditions. Invariant: what an equality compares a column with, and names none, is a constant, a parameter or the result of a
//! sub-select. Elsewhere arithmetic with the time of the statement stays, because the server estimates by its result.

use super::{order, time};
use crate::sys::compat;
use crate::sys::list::{elements, length, nth};
use crate::sys::predicate::select_of;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

// Exported by the server, declared here because the bindings leave them out.
unsafe extern "C-unwind" {
    fn SS_make_initplan_output_param(
        root: *mut pg_sys::PlannerInfo,
        result: pg_sys::Oid,
        modifier: i32,
        collation: pg_sys::Oid,
    ) -> *mut pg_sys::Param;
    fn SS_make_initplan_from_plan(
        root: *mut pg_sys::PlannerInfo,
        level: *mut pg_sys::PlannerInfo,
        plan: *mut pg_sys::Plan,
        result: *mut pg_sys::Param,
    );
}

/// Makes sub-selects of such parts of the conditions of one level.
///
/// # Safety
/// The planner's own level, of which no condition was handed out.
pub unsafe fn ask_once(root: *mut pg_sys::PlannerInfo) {
    // SAFETY: the caller's promise.
    unsafe {
        let query = &mut *(*root).parse;
        in_tree(root, query.jointree.cast());
        // An index that gives rows in an order may ask for their distance before policies are asked.
        if query.groupClause.is_null() && query.groupingSets.is_null() {
            for entry in elements(query.targetList) {
                let entry = &mut *entry.cast::<pg_sys::TargetEntry>();
                let expression: *mut pg_sys::Node = entry.expr.cast();
                if entry.ressortgroupref > 0
                    && is_a(expression, pg_sys::NodeTag::T_OpExpr)
                    && !pg_sys::contain_agg_clause(expression)
                    && !pg_sys::contain_window_function(expression)
                {
                    entry.expr = mutator(expression, root.cast()).cast();
                }
            }
        }
    }
}

unsafe fn in_tree(root: *mut pg_sys::PlannerInfo, node: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: a join tree is made of these kinds of node; its conditions are lists by now.
    unsafe {
        match (*node).type_ {
            T_FromExpr => {
                let from = &mut *node.cast::<pg_sys::FromExpr>();
                elements(from.fromlist).for_each(|item| in_tree(root, item));
                from.quals = settled(root, from.quals);
            }
            T_JoinExpr => {
                let join = &mut *node.cast::<pg_sys::JoinExpr>();
                in_tree(root, join.larg);
                in_tree(root, join.rarg);
                join.quals = settled(root, join.quals);
            }
            _ => (),
        }
    }
}

/// Conditions that are joined by AND.
unsafe fn settled(root: *mut pg_sys::PlannerInfo, conditions: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: a list of the level's own expressions, or none.
    unsafe {
        let conditions = mutator(conditions, root.cast());
        keep_apart(root, conditions.cast());
        conditions
    }
}

/// A comparison in which something shows for some rows only is neither brought together with another nor asked of an index.
unsafe fn keep_apart(root: *mut pg_sys::PlannerInfo, conditions: *mut pg_sys::List) {
    // SAFETY: a list of conditions, of which each is read as what its tag says.
    unsafe {
        for index in 0..length(conditions) {
            let cell = (*conditions).elements.add(index as usize);
            let condition: *mut pg_sys::Node = (*cell).ptr_value.cast();
            if is_a(condition, pg_sys::NodeTag::T_BoolExpr) {
                let joined = &*condition.cast::<pg_sys::BoolExpr>();
                if joined.boolop != pg_sys::BoolExprType::NOT_EXPR {
                    keep_apart(root, joined.args);
                }
            } else if shows_by_row(root, condition) {
                let mut test = pgrx::PgBox::<pg_sys::BooleanTest>::alloc_node(pg_sys::NodeTag::T_BooleanTest);
                test.arg = condition.cast();
                test.booltesttype = pg_sys::BoolTestType::IS_TRUE;
                test.location = -1;
                (*cell).ptr_value = test.into_pg().cast();
            }
        }
    }
}

/// Whether it compares with something that shows, and whether that is evaluated depends on a column. Where a function that could tell is given one, the server knows by itself.
unsafe fn shows_by_row(root: *mut pg_sys::PlannerInfo, condition: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: the condition is read as what its tag says.
    unsafe {
        let sides = match (*condition).type_ {
            T_OpExpr => [(*condition.cast::<pg_sys::OpExpr>()).args, std::ptr::null_mut()],
            T_ScalarArrayOpExpr => [
                (*condition.cast::<pg_sys::ScalarArrayOpExpr>()).args,
                std::ptr::null_mut(),
            ],
            T_RowCompareExpr => {
                let comparison = &*condition.cast::<pg_sys::RowCompareExpr>();
                [comparison.largs, comparison.rargs]
            }
            _ => return false,
        };
        !pg_sys::contain_leaked_vars(condition)
            && sides
                .into_iter()
                .flat_map(|side| elements(side))
                .any(|operand| pg_sys::contain_var_clause(operand) && order::shows(root, operand))
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn mutator(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return node;
    }
    // SAFETY: a part of a condition of the level that the context is.
    unsafe {
        match (*node).type_ {
            // Planned already, or put in place of a column.
            T_SubPlan | T_AlternativeSubPlan | T_PlaceHolderVar => node,
            T_Const | T_Var | T_Param => node,
            // Parts of an expression, and none themselves.
            T_List | T_CaseWhen => compat::mutate_expression(node, mutator, context),
            _ if is_one_value(node) && Calls::of(node).may_change => result_of(context.cast(), node).cast(),
            T_OpExpr => {
                let comparison = &mut *pg_sys::copyObjectImpl(node.cast()).cast::<pg_sys::OpExpr>();
                let is_equality =
                    pg_sys::op_mergejoinable(comparison.opno, pg_sys::exprType(nth(comparison.args, 0)));
                for index in 0..length(comparison.args) {
                    let cell = (*comparison.args).elements.add(index as usize);
                    let operand = (*cell).ptr_value.cast();
                    let is_replaced = is_equality && is_one_value(operand) && Calls::of(operand).is_any;
                    (*cell).ptr_value = if is_replaced {
                        result_of(context.cast(), operand).cast()
                    } else {
                        mutator(operand, context).cast()
                    };
                }
                std::ptr::from_mut(comparison).cast()
            }
            _ => compat::mutate_expression(node, mutator, context),
        }
    }
}

/// Whether the server takes it for one value, and it can be evaluated by itself.
unsafe fn is_one_value(node: *mut pg_sys::Node) -> bool {
    // SAFETY: a part of a condition.
    unsafe {
        !pg_sys::contain_var_clause(node)
            && !pg_sys::contain_volatile_functions(node)
            && !depends_walker(node, std::ptr::null_mut())
    }
}

/// Whether it needs what is around it: the value that a CASE tests, for one, inside that. The context is not NULL inside what gives that.
#[pg_guard]
unsafe extern "C-unwind" fn depends_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    let inside = std::ptr::dangling_mut();
    // SAFETY: the node is read as what its tag says.
    unsafe {
        match (*node).type_ {
            T_CaseTestExpr => context.is_null(),
            T_CoerceToDomainValue
            | T_SubPlan
            | T_AlternativeSubPlan
            | T_Aggref
            | T_GroupingFunc
            | T_WindowFunc
            | T_CurrentOfExpr => true,
            T_CaseExpr => {
                let case = &*node.cast::<pg_sys::CaseExpr>();
                let tested = if case.arg.is_null() { context } else { inside };
                depends_walker(case.arg.cast(), context)
                    || depends_walker(case.args.cast(), tested)
                    || depends_walker(case.defresult.cast(), context)
            }
            T_CaseWhen => {
                let when = &*node.cast::<pg_sys::CaseWhen>();
                depends_walker(when.expr.cast(), context) || depends_walker(when.result.cast(), context)
            }
            T_ArrayCoerceExpr => {
                let cast = &*node.cast::<pg_sys::ArrayCoerceExpr>();
                depends_walker(cast.arg.cast(), context) || depends_walker(cast.elemexpr.cast(), inside)
            }
            _ => pg_sys::expression_tree_walker(node, Some(depends_walker), context),
        }
    }
}

/// What an expression calls.
#[derive(Default)]
struct Calls {
    /// A function, at least one.
    is_any: bool,
    /// One that is more than arithmetic with the time of the statement.
    may_change: bool,
}

impl Calls {
    unsafe fn of(node: *mut pg_sys::Node) -> Self {
        let mut calls = Self::default();
        // SAFETY: a valid expression; the context is the value itself.
        unsafe { calls_walker(node, std::ptr::from_mut(&mut calls).cast()) };
        calls
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn calls_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `Calls` that `of` passed; the server's own look at the functions of a node.
    unsafe {
        let calls = &mut *context.cast::<Calls>();
        if is_a(node, pg_sys::NodeTag::T_SQLValueFunction) {
            calls.is_any = true;
            calls.may_change |= !time::is_time(node);
        }
        pg_sys::check_functions_in_node(node, Some(note), context);
        pg_sys::expression_tree_walker(node, Some(calls_walker), context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn note(function: pg_sys::Oid, context: *mut c_void) -> bool {
    // SAFETY: `context` is the `Calls` that `of` passed.
    let calls = unsafe { &mut *context.cast::<Calls>() };
    calls.is_any = true;
    calls.may_change |= !time::is_arithmetic(function);
    false
}

/// The result of `(SELECT operand)`, which is evaluated when it is asked for first.
unsafe fn result_of(root: *mut pg_sys::PlannerInfo, operand: *mut pg_sys::Node) -> *mut pg_sys::Param {
    // SAFETY: as the server plans a sub-select: as a level below the one that it is noted in.
    unsafe {
        let root = place_of(root, operand);
        let level = pg_sys::subquery_planner((*root).glob, select_of(operand), root, false, 0.0);
        let last = pg_sys::fetch_upper_rel(
            level,
            pg_sys::UpperRelationKind::UPPERREL_FINAL,
            std::ptr::null_mut(),
        );
        let plan = pg_sys::create_plan(level, (*last).cheapest_total_path);
        guarded!({
            let result = SS_make_initplan_output_param(
                root,
                pg_sys::exprType(operand),
                pg_sys::exprTypmod(operand),
                pg_sys::exprCollation(operand),
            );
            SS_make_initplan_from_plan(root, level, plan, result);
            result
        })
    }
}

/// The outermost level in which everything that an operand is handed in is known. A level that the server makes for `min` or `max` can have no sub-selects of its own.
unsafe fn place_of(root: *mut pg_sys::PlannerInfo, operand: *mut pg_sys::Node) -> *mut pg_sys::PlannerInfo {
    let mut handed_in: Vec<i32> = Vec::new();
    // SAFETY: a valid expression, the context is the list; levels end with one that has none around it.
    unsafe {
        parameter_walker(operand, std::ptr::from_mut(&mut handed_in).cast());
        let mut level = root;
        loop {
            let outer = (*level).parent_root;
            if outer.is_null() || !handed_in.iter().all(|number| is_known(outer, *number)) {
                return level;
            }
            level = outer;
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn parameter_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the node is read as what its tag says; `context` is the list that `place_of` passed.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Param) {
            let parameter = &*node.cast::<pg_sys::Param>();
            if parameter.paramkind == pg_sys::ParamKind::PARAM_EXEC {
                (*context.cast::<Vec<i32>>()).push(parameter.paramid);
            }
        }
        pg_sys::expression_tree_walker(node, Some(parameter_walker), context)
    }
}

/// Whether a level has a parameter: as a result of a sub-select of its own, or from a level around it.
unsafe fn is_known(level: *mut pg_sys::PlannerInfo, number: i32) -> bool {
    // SAFETY: the lists of levels hold what the server puts there.
    unsafe {
        let is_result = elements((*level).init_plans)
            .any(|plan| pg_sys::list_member_int((*plan.cast::<pg_sys::SubPlan>()).setParam, number));
        let outer = (*level).parent_root;
        is_result
            || !outer.is_null()
                && (is_known(outer, number)
                    || elements((*outer).plan_params)
                        .any(|item| (*item.cast::<pg_sys::PlannerParamItem>()).paramId == number))
    }
}
