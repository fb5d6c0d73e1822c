//! What a statement compares columns with, without naming a column itself. The server takes it for one value throughout the statement, and has only the word of whoever wrote
//! the function. From two equalities with one column it keeps one and the equality of the two others. So a function that answers first one thing, then another,
//! or `current_setting` of a setting that changes meanwhile, takes the place of a policy. A recheck of an index, which comes before policies, calls it for rows that
//! they hide. Such an operand becomes the result of a sub-select, which is evaluated once.
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
//! It is done after sub-selects are pulled up and SQL functions put in line, because that makes such comparisons. Invariant: no equality that the server may bring together with one of row security, and no condition that an
//! index may check before those, holds a function that could answer anew and is given no column. In conditions that
//! the server never asks first such a function may stand. Calls of PostgreSQL's own in comparisons other than equality stay, because they have no effect that shows and the server estimates by their result.

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

/// Makes sub-selects of such operands in the conditions of one level; what was done before stays.
///
/// # Safety
/// The planner's own level, of which no condition was handed out.
pub unsafe fn ask_once(root: *mut pg_sys::PlannerInfo) {
    // SAFETY: the caller's promise.
    unsafe { in_tree(root, (*(*root).parse).jointree.cast()) }
}

unsafe fn in_tree(root: *mut pg_sys::PlannerInfo, node: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: a join tree is made of these kinds of node; its conditions are lists by now.
    unsafe {
        match (*node).type_ {
            T_FromExpr => {
                let from = &*node.cast::<pg_sys::FromExpr>();
                elements(from.fromlist).for_each(|item| in_tree(root, item));
                in_list(root, from.quals.cast());
            }
            T_JoinExpr => {
                let join = &*node.cast::<pg_sys::JoinExpr>();
                in_tree(root, join.larg);
                in_tree(root, join.rarg);
                in_list(root, join.quals.cast());
            }
            _ => (),
        }
    }
}

/// Conditions that are joined by AND.
unsafe fn in_list(root: *mut pg_sys::PlannerInfo, conditions: *mut pg_sys::List) {
    // SAFETY: a list of the level's own expressions.
    unsafe {
        for index in 0..length(conditions) {
            let cell = (*conditions).elements.add(index as usize);
            let condition: *mut pg_sys::Node = (*cell).ptr_value.cast();
            // One that is given a column by a function that could tell, the server neither asks first nor brings together with another.
            if !pg_sys::contain_leaked_vars(condition) {
                (*cell).ptr_value = mutator(condition, root.cast()).cast();
            }
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn mutator(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    use pg_sys::NodeTag::*;
    // SAFETY: a condition of the level that the context is.
    unsafe {
        match (*node).type_ {
            T_BoolExpr => compat::mutate_expression(node, mutator, context),
            T_OpExpr => {
                let mut comparison = *node.cast::<pg_sys::OpExpr>();
                let is_equality =
                    pg_sys::op_mergejoinable(comparison.opno, pg_sys::exprType(nth(comparison.args, 0)));
                comparison.args = operands(context.cast(), comparison.args, is_equality);
                placed(comparison)
            }
            T_ScalarArrayOpExpr => {
                let mut comparison = *node.cast::<pg_sys::ScalarArrayOpExpr>();
                comparison.args = operands(context.cast(), comparison.args, false);
                placed(comparison)
            }
            T_RowCompareExpr => {
                let mut comparison = *node.cast::<pg_sys::RowCompareExpr>();
                comparison.largs = operands(context.cast(), comparison.largs, false);
                comparison.rargs = operands(context.cast(), comparison.rargs, false);
                placed(comparison)
            }
            _ => node,
        }
    }
}

/// A node of the planner's memory.
unsafe fn placed<T>(node: T) -> *mut pg_sys::Node {
    // SAFETY: memory of the right size, written before it is read.
    unsafe {
        let place = pg_sys::palloc(size_of::<T>()).cast::<T>();
        place.write(node);
        place.cast()
    }
}

/// A copy of a list of operands, in which sub-selects stand.
unsafe fn operands(
    root: *mut pg_sys::PlannerInfo,
    operands: *mut pg_sys::List,
    is_equality: bool,
) -> *mut pg_sys::List {
    // SAFETY: a list of expressions of the level.
    unsafe {
        let operands = pg_sys::list_copy(operands);
        for index in 0..length(operands) {
            let cell = (*operands).elements.add(index as usize);
            let operand: *mut pg_sys::Node = (*cell).ptr_value.cast();
            if is_one_value(operand)
                && (is_foreign(operand) || is_equality && pg_sys::contain_mutable_functions(operand))
            {
                (*cell).ptr_value = result_of(root, operand).cast();
            }
        }
        operands
    }
}

/// Whether the server takes it for one value.
unsafe fn is_one_value(operand: *mut pg_sys::Node) -> bool {
    // SAFETY: an expression of the level.
    unsafe { !pg_sys::contain_var_clause(operand) && !pg_sys::contain_volatile_functions(operand) }
}

/// Whether it calls something that may run code of others: what is not PostgreSQL's own, or takes or gives values of any type.
unsafe fn is_foreign(node: *mut pg_sys::Node) -> bool {
    // SAFETY: a valid expression.
    unsafe { foreign_walker(node, std::ptr::null_mut()) }
}

#[pg_guard]
unsafe extern "C-unwind" fn foreign_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: the server's own look at the functions of a node.
    unsafe {
        !node.is_null()
            && (pg_sys::check_functions_in_node(node, Some(may_run_others), context)
                || pg_sys::expression_tree_walker(node, Some(foreign_walker), context))
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn may_run_others(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    if function.to_u32() >= pg_sys::FirstNormalObjectId {
        return true;
    }
    // SAFETY: a catalogue look-up, which hands out an array of so many types.
    unsafe {
        let mut types = std::ptr::null_mut();
        let mut count = 0;
        let result = pg_sys::get_func_signature(function, &raw mut types, &raw mut count);
        let is_pseudo = |kind: pg_sys::Oid| pg_sys::get_typtype(kind) as u8 == pg_sys::TYPTYPE_PSEUDO;
        is_pseudo(result) || (0..count).any(|index| is_pseudo(*types.add(index as usize)))
    }
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
