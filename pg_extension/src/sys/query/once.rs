//! What a statement compares columns with, without naming a column itself, and which is no constant: `mine.told()`, `current_setting('app.region')`.
//! The server takes it for one value throughout the statement, and has only the word of whoever wrote the function. From two equalities with one column it keeps one and the
//! equality of the two others. So a function that answers first one thing, then another, takes the place of a policy; and a check of what an index found, which comes before policies, calls it
//! for rows that they hide. Such an operand becomes the result of a sub-select, which is evaluated once.
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
//! An operand of which a part may or may not be evaluated, and shows when it was, is set apart in a COALESCE of its own: the server takes that for something that could tell, and neither brings
//! the comparison together with another nor asks an index for it. It can still join tables by it.
//!
//! ```sql
//! SELECT id FROM (shop.orders WHERE …) WHERE owner = CASE WHEN amount > 5 THEN mine.told() END
//! SELECT id FROM (shop.orders WHERE …) WHERE owner = COALESCE(CASE WHEN amount > 5 THEN mine.told() END)
//! ```
//!
//! It is done after sub-selects are pulled up and SQL functions put in line, because that makes such conditions. Invariant: an equality that the server may bring together with one of row security compares columns with
//! constants, parameters and results of sub-selects alone. Arithmetic with the time of the statement stays elsewhere, because the server estimates by its result.

use super::{order, time};
use crate::sys::list::{elements, length, list, nth};
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

/// Settles the comparisons of one level.
///
/// # Safety
/// The planner's own level, of which no condition was handed out.
pub unsafe fn ask_once(root: *mut pg_sys::PlannerInfo) {
    // SAFETY: the caller's promise.
    unsafe {
        let query = &mut *(*root).parse;
        in_tree(root, query.jointree.cast());
        for entry in elements(query.targetList) {
            let entry = &mut *entry.cast::<pg_sys::TargetEntry>();
            if entry.ressortgroupref > 0 && is_distance(entry.expr.cast()) {
                entry.expr = settled(root, entry.expr.cast()).cast();
            }
        }
    }
}

/// Before an arm of UNION ALL gets the conditions on the whole. Those were made of columns that an arm may compute from others by whatever the statement says, and may
/// count as row security, because they were brought together with it. A level that reads nothing else was not settled yet.
///
/// # Safety
/// The planner's own level, and the number of a part of something that is read as one.
pub unsafe fn hand_down(root: *mut pg_sys::PlannerInfo, part: u32) {
    // SAFETY: the caller's promise; the arrays have a place for each entry of the range table; a column that was dropped has no expression.
    unsafe {
        let arm = &**(*root).append_rel_array.add(part as usize);
        let whole = arm.parent_relid as usize;
        // A table brings the conditions of its own row security.
        if (**(*root).simple_rte_array.add(whole)).rtekind != pg_sys::RTEKind::RTE_SUBQUERY {
            return;
        }
        let whole = &**(*root).simple_rel_array.add(whole);
        for condition in elements(whole.baserestrictinfo) {
            let condition = &mut *condition.cast::<pg_sys::RestrictInfo>();
            condition.clause = settled(root, condition.clause.cast()).cast();
        }
        order::of_statement(root, whole.baserestrictinfo);
        order::of_statement(root, whole.joininfo);
        if !whole.baserestrictinfo.is_null() || !whole.joininfo.is_null() || whole.has_eclass_joins {
            each(arm.translated_vars, |given| {
                if given.is_null() {
                    given
                } else {
                    settled_operand(root, given, false, true)
                }
            });
        }
    }
}

/// Whether an index that gives rows in an order may ask for it before policies are asked.
unsafe fn is_distance(expression: *mut pg_sys::Node) -> bool {
    // SAFETY: the expression is read as what its tag says; a catalogue look-up, which gives a copy of the name.
    unsafe {
        if !is_a(expression, pg_sys::NodeTag::T_OpExpr) || pg_sys::expression_returns_set(expression) {
            return false;
        }
        let name = pg_sys::get_opname((*expression.cast::<pg_sys::OpExpr>()).opno);
        !name.is_null() && std::ffi::CStr::from_ptr(name).to_string_lossy().contains("<->")
    }
}

unsafe fn in_tree(root: *mut pg_sys::PlannerInfo, node: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: a join tree is made of these kinds of node; its conditions are lists by now.
    unsafe {
        let conditions: *mut pg_sys::List = match (*node).type_ {
            T_FromExpr => {
                let from = &*node.cast::<pg_sys::FromExpr>();
                elements(from.fromlist).for_each(|item| in_tree(root, item));
                from.quals.cast()
            }
            T_JoinExpr => {
                let join = &*node.cast::<pg_sys::JoinExpr>();
                in_tree(root, join.larg);
                in_tree(root, join.rarg);
                join.quals.cast()
            }
            _ => return,
        };
        each(conditions, |condition| settled(root, condition));
    }
}

/// Puts something in place of each element of a list.
unsafe fn each(list: *mut pg_sys::List, mut change: impl FnMut(*mut pg_sys::Node) -> *mut pg_sys::Node) {
    // SAFETY: a list of nodes, or none.
    unsafe {
        for index in 0..length(list) {
            let cell = (*list).elements.add(index as usize);
            (*cell).ptr_value = change((*cell).ptr_value.cast()).cast();
        }
    }
}

/// A copy of a condition with its comparisons settled.
unsafe fn settled(root: *mut pg_sys::PlannerInfo, condition: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: a condition of the level.
    unsafe {
        let condition = pg_sys::copyObjectImpl(condition.cast()).cast();
        settle(root, condition, true);
        condition
    }
}

/// Settles the comparisons of a condition in place. One is certain unless another may save its evaluation.
unsafe fn settle(root: *mut pg_sys::PlannerInfo, condition: *mut pg_sys::Node, is_certain: bool) {
    use pg_sys::NodeTag::*;
    // SAFETY: the condition is read as what its tag says, and nobody else has it.
    unsafe {
        let operands = |operands, is_equality| {
            each(operands, |operand| {
                settled_operand(root, operand, is_equality, is_certain)
            });
        };
        match (*condition).type_ {
            T_BoolExpr => {
                let joined = &*condition.cast::<pg_sys::BoolExpr>();
                if joined.boolop != pg_sys::BoolExprType::NOT_EXPR {
                    let is_certain = is_certain && joined.boolop == pg_sys::BoolExprType::AND_EXPR;
                    elements(joined.args).for_each(|condition| settle(root, condition, is_certain));
                }
            }
            T_OpExpr => {
                let comparison = &*condition.cast::<pg_sys::OpExpr>();
                let kind = pg_sys::exprType(nth(comparison.args, 0));
                operands(comparison.args, pg_sys::op_mergejoinable(comparison.opno, kind));
            }
            T_ScalarArrayOpExpr => {
                operands((*condition.cast::<pg_sys::ScalarArrayOpExpr>()).args, false);
            }
            T_RowCompareExpr => {
                let comparison = &*condition.cast::<pg_sys::RowCompareExpr>();
                operands(comparison.largs, false);
                operands(comparison.rargs, false);
            }
            _ => (),
        }
    }
}

unsafe fn settled_operand(
    root: *mut pg_sys::PlannerInfo,
    operand: *mut pg_sys::Node,
    is_equality: bool,
    is_certain: bool,
) -> *mut pg_sys::Node {
    // SAFETY: an operand of a condition of the level.
    unsafe {
        if pg_sys::contain_leaked_vars(operand) {
            return operand;
        }
        if is_one_value(operand) {
            let calls = Calls::of(operand);
            // In a parallel plan it is evaluated whether it is needed or not, so where it may not be needed it may not fail.
            let is_safe = is_certain || is_a(operand, pg_sys::NodeTag::T_SQLValueFunction);
            if is_safe && (calls.may_change || is_equality && calls.is_any) {
                return result_of(root, operand).cast();
            }
            if is_certain || !calls.may_change {
                return operand;
            }
        }
        if !order::shows(root, operand) {
            return operand;
        }
        let mut apart = pgrx::PgBox::<pg_sys::CoalesceExpr>::alloc_node(pg_sys::NodeTag::T_CoalesceExpr);
        apart.coalescetype = pg_sys::exprType(operand);
        apart.coalescecollid = pg_sys::exprCollation(operand);
        apart.args = list(&[operand]);
        apart.location = -1;
        apart.into_pg().cast()
    }
}

/// Whether the server takes it for one value, and it can be evaluated by itself.
unsafe fn is_one_value(node: *mut pg_sys::Node) -> bool {
    // SAFETY: a part of a condition.
    unsafe {
        !pg_sys::contain_var_clause(node)
            && !pg_sys::expression_returns_set(node)
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
        is_result || !outer.is_null() && (is_known(outer, number) || order::hands_down(outer, number))
    }
}
