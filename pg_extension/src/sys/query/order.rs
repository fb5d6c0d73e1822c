//! Which conditions of a statement are asked before those of row security.
//!
//! The server asks a cheap condition before a costlier one of a policy where it takes it for one that tells nothing: where no function in it that could tell is given a column.
//! But whether something was evaluated at all tells as well, when it shows: a function of the caller, a sub-select, an error.
//!
//! ```sql
//! SELECT id FROM (hr.staff WHERE <costly>) WHERE salary > 5000 AND id = mine.noted()
//! SELECT id FROM (hr.staff WHERE <costly>) WHERE CASE WHEN salary > 5000 THEN (SELECT mine.noted()) ELSE false END
//! ```
//!
//! Such conditions lose that mark after the paths of the level are made: indexes serve them as before, and as a filter they come after policies.
//!
//! Invariant: whatever a plan asks of a row before the last condition of row security on it shows nowhere.

use super::time;
use crate::sys::list::elements;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// Puts the conditions of a level behind its policies, those that show.
///
/// # Safety
/// The planner's own level, of which no plan was made.
pub unsafe fn keep(root: *mut pg_sys::PlannerInfo) {
    // SAFETY: the caller's promise; the arrays and lists are those of the level.
    unsafe {
        let mixed = mixed(root);
        for number in 1..(*root).simple_rel_array_size {
            let Some(relation) = (*(*root).simple_rel_array.add(number as usize)).as_ref() else {
                continue;
            };
            for lent in elements(relation.ppilist) {
                of_statement(root, (*lent.cast::<pg_sys::ParamPathInfo>()).ppi_clauses);
            }
            of_statement(root, relation.joininfo);
            let is_mixed = pg_sys::bms_is_member(number, mixed);
            for condition in elements(relation.baserestrictinfo) {
                let condition = &mut *condition.cast::<pg_sys::RestrictInfo>();
                condition.leakproof &= !is_mixed && !shows(root, condition.clause.cast());
            }
        }
        // These have levels of their own, which the server does not show.
        let grouped = (*root).upper_rels[pg_sys::UpperRelationKind::UPPERREL_GROUP_AGG as usize];
        for path in
            elements(grouped).flat_map(|relation| elements((*relation.cast::<pg_sys::RelOptInfo>()).pathlist))
        {
            if is_a(path, pg_sys::NodeTag::T_MinMaxAggPath) {
                for aggregate in elements((*path.cast::<pg_sys::MinMaxAggPath>()).mmaggregates) {
                    keep((*aggregate.cast::<pg_sys::MinMaxAggInfo>()).subroot);
                }
            }
        }
    }
}

/// Conditions of which none is one of row security, such as those that join tables.
///
/// # Safety
/// A list of the planner's own level.
pub(super) unsafe fn of_statement(root: *mut pg_sys::PlannerInfo, conditions: *mut pg_sys::List) {
    // SAFETY: a list of the level.
    unsafe {
        for condition in elements(conditions) {
            let condition = &mut *condition.cast::<pg_sys::RestrictInfo>();
            let clause = condition.clause.cast();
            condition.security_level = (*root).qual_security_level;
            condition.leakproof = !pg_sys::contain_leaked_vars(clause) && !shows(root, clause);
        }
    }
}

/// Tables of which the server brought an equality of row security together with one of the statement that shows: what it made of them counts as row security, so nothing may come before it.
unsafe fn mixed(root: *mut pg_sys::PlannerInfo) -> *mut pg_sys::Bitmapset {
    // SAFETY: the lists are those of the level.
    unsafe {
        elements((*root).eq_classes)
            .map(|class| &*class.cast::<pg_sys::EquivalenceClass>())
            .filter(|class| class.ec_min_security == 0 && class.ec_max_security > 0)
            .filter(|class| {
                elements(class.ec_sources)
                    .map(|source| &*source.cast::<pg_sys::RestrictInfo>())
                    .any(|source| source.security_level > 0 && shows(root, source.clause.cast()))
            })
            .fold(std::ptr::null_mut(), |tables, class| {
                pg_sys::bms_add_members(tables, class.ec_relids)
            })
    }
}

/// Whether somebody can tell that it was evaluated.
///
/// # Safety
/// An expression of the planner's own level.
pub(super) unsafe fn shows(root: *mut pg_sys::PlannerInfo, condition: *mut pg_sys::Node) -> bool {
    // SAFETY: a valid expression; the context is the level.
    unsafe { walker(condition, root.cast()) }
}

#[pg_guard]
unsafe extern "C-unwind" fn walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: the node is read as what its tag says; the server's own look at the functions of a node.
    unsafe {
        let is_quiet = match (*node).type_ {
            T_Const | T_Var | T_List | T_BoolExpr | T_RelabelType | T_CollateExpr | T_CaseExpr
            | T_CaseWhen | T_CaseTestExpr | T_CoalesceExpr | T_NullTest | T_BooleanTest | T_RowExpr => true,
            T_Param => {
                let parameter = &*node.cast::<pg_sys::Param>();
                parameter.paramkind == pg_sys::ParamKind::PARAM_EXTERN
                    || is_of_outer_row(context.cast(), parameter.paramid)
            }
            // Several arrays may differ in length.
            T_ArrayExpr => !(*node.cast::<pg_sys::ArrayExpr>()).multidims,
            T_FuncExpr | T_OpExpr | T_DistinctExpr | T_NullIfExpr | T_ScalarArrayOpExpr
            | T_RowCompareExpr => {
                let could_fail =
                    pg_sys::check_functions_in_node(node, Some(could_tell), std::ptr::null_mut());
                !could_fail && has_collation(node) || time::is_time(node)
            }
            _ => time::is_time(node),
        };
        !is_quiet || pg_sys::expression_tree_walker(node, Some(walker), context)
    }
}

/// Whether a comparison has the collation that it needs. Without one it fails when it is evaluated.
unsafe fn has_collation(node: *mut pg_sys::Node) -> bool {
    // SAFETY: the node has arguments of this kind; a list of them is read as such.
    unsafe {
        let arguments = match (*node).type_ {
            pg_sys::NodeTag::T_FuncExpr => (*node.cast::<pg_sys::FuncExpr>()).args,
            pg_sys::NodeTag::T_ScalarArrayOpExpr => (*node.cast::<pg_sys::ScalarArrayOpExpr>()).args,
            pg_sys::NodeTag::T_RowCompareExpr => (*node.cast::<pg_sys::RowCompareExpr>()).largs,
            // The three have one layout.
            _ => (*node.cast::<pg_sys::OpExpr>()).args,
        };
        pg_sys::exprInputCollation(node) != pg_sys::InvalidOid
            || !elements(arguments).any(|argument| pg_sys::type_is_collatable(pg_sys::exprType(argument)))
    }
}

/// Whether a parameter is handed in with a row of a level around this one. Any other is the result of a sub-select, which is evaluated when it is asked for first.
unsafe fn is_of_outer_row(root: *mut pg_sys::PlannerInfo, number: i32) -> bool {
    // SAFETY: levels end with one that has none around it.
    unsafe {
        std::iter::successors((*root).parent_root.as_mut(), |level| level.parent_root.as_mut())
            .any(|level| hands_down(level, number))
    }
}

/// Whether a level hands a parameter to those inside it, with a row of its own.
///
/// # Safety
/// A level of the planner's.
pub(super) unsafe fn hands_down(level: *mut pg_sys::PlannerInfo, number: i32) -> bool {
    // SAFETY: the list holds what the server puts there.
    unsafe {
        elements((*level).plan_params)
            .any(|item| (*item.cast::<pg_sys::PlannerParamItem>()).paramId == number)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn could_tell(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { !pg_sys::get_func_leakproof(function) }
}
