//! Comparisons with sealed columns. What has no key yet, a literal or a parameter, gets the key of the column it is compared with: then an index serves, and a
//! join may hash.
//!
//! ```sql
//! WHERE ssn = $1              -- comes in
//! WHERE ssn = tagged($1, 71230)   -- goes out; 71230 is the modifier of the column
//! WHERE ssn = ANY ($1)        -- comes in; each element is tagged
//! ```
//!
//! A text that one expression makes a value, for a column or to be compared with one, goes there in one call (`direct`).

mod direct;

use crate::error::Error;
use crate::sys::list::{elements, length, list, nth};
use crate::sys::predicate::function;
use crate::sys::sealed_type::{is_sealed, kind_of};
use crate::sys::table::table;
use direct::{called, integer};
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// Tags what is compared with sealed columns, at every level.
///
/// # Safety
/// `query` was rewritten, and nobody else uses it.
pub unsafe fn tag(query: *mut pg_sys::Query) {
    if !(table().sealing.is_any)() {
        return;
    }
    // SAFETY: the walker looks at each node as what it is.
    unsafe {
        walker(query.cast(), std::ptr::null_mut());
    }
}

/// Whether a literal of a sealed type stands in a query.
///
/// # Safety
/// An analyzed query.
pub unsafe fn has_literal(query: *mut pg_sys::Query) -> bool {
    // SAFETY: the walker looks at each node as what it is.
    unsafe { literal_walker(query.cast(), std::ptr::null_mut()) }
}

#[pg_guard]
unsafe extern "C-unwind" fn literal_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a valid node, read as the type its tag says.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_Query => {
                pg_sys::query_tree_walker(node.cast(), Some(literal_walker), context, 0)
            }
            pg_sys::NodeTag::T_Const => is_sealed((*node.cast::<pg_sys::Const>()).consttype),
            _ => pg_sys::expression_tree_walker(node, Some(literal_walker), context),
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: a valid node, read as the type its tag says. Lists of arguments are replaced by new ones.
    unsafe {
        match (*node).type_ {
            T_Query => {
                check_order(node.cast());
                coerce_targets(node.cast());
                return pg_sys::query_tree_walker(node.cast(), Some(walker), context, 0);
            }
            T_Aggref => {
                let aggregate = &*node.cast::<pg_sys::Aggref>();
                refuse_order(aggregate.aggorder, aggregate.args);
            }
            T_OpExpr | T_DistinctExpr => {
                let comparison = &mut *node.cast::<pg_sys::OpExpr>();
                comparison.args = tagged(comparison.args);
            }
            T_ScalarArrayOpExpr => {
                let comparison = &mut *node.cast::<pg_sys::ScalarArrayOpExpr>();
                comparison.args = tagged(comparison.args);
            }
            T_FuncExpr => direct::store(&mut *node.cast()),
            T_MinMaxExpr if is_sealed((*node.cast::<pg_sys::MinMaxExpr>()).minmaxtype) => {
                Error::not_ordered().raise()
            }
            _ => (),
        }
        pg_sys::expression_tree_walker(node, Some(walker), context)
    }
}

/// Sealed values have tags and no order: whoever asks for one is told so, and gets no rows in the order of tags.
unsafe fn check_order(query: *mut pg_sys::Query) {
    // SAFETY: a valid query.
    unsafe {
        let query = &*query;
        refuse_order(query.sortClause, query.targetList);
        for window in elements(query.windowClause) {
            refuse_order(
                (*window.cast::<pg_sys::WindowClause>()).orderClause,
                query.targetList,
            );
        }
    }
}

unsafe fn refuse_order(clauses: *mut pg_sys::List, targets: *mut pg_sys::List) {
    // SAFETY: each clause refers to one of the targets.
    unsafe {
        for clause in elements(clauses) {
            let target = pg_sys::get_sortgroupclause_expr(clause.cast(), targets);
            let kind = pg_sys::exprType(target);
            if is_sealed(kind) {
                Error::not_ordered().raise();
            }
        }
    }
}

/// Whatever is assigned to a sealed column goes through the cast to it, also a value that the parser took for one of the column, and for which a mask may
/// stand by then.
unsafe fn coerce_targets(query: *mut pg_sys::Query) {
    use pg_sys::CmdType::*;
    // SAFETY: a valid query; its entries are replaced by calls of the same type.
    unsafe {
        let query = &*query;
        if query.resultRelation == 0 {
            return;
        }
        let relation = (*nth(query.rtable, query.resultRelation - 1).cast::<pg_sys::RangeTblEntry>()).relid;
        if matches!(query.commandType, CMD_INSERT | CMD_UPDATE) {
            coerce_each(relation, query.targetList);
        }
        if let Some(conflict) = query.onConflict.as_ref() {
            coerce_each(relation, conflict.onConflictSet);
        }
        for action in elements(query.mergeActionList) {
            let action = &*action.cast::<pg_sys::MergeAction>();
            if matches!(action.commandType, CMD_INSERT | CMD_UPDATE) {
                coerce_each(relation, action.targetList);
            }
        }
    }
}

unsafe fn coerce_each(relation: pg_sys::Oid, targets: *mut pg_sys::List) {
    // SAFETY: entries of a target list; the number of one that is not junk is that of its column.
    unsafe {
        for target in elements(targets) {
            let target = &mut *target.cast::<pg_sys::TargetEntry>();
            let kind = pg_sys::exprType(target.expr.cast());
            if target.resjunk || kind.to_u32() < pg_sys::FirstNormalObjectId || kind_of(kind).is_none() {
                continue;
            }
            let (mut own, mut modifier, mut collation) = (kind, -1, pg_sys::InvalidOid);
            pg_sys::get_atttypetypmodcoll(relation, target.resno, &mut own, &mut modifier, &mut collation);
            (table().sealing.may_be_stored)(relation, target.resno, modifier)
                .unwrap_or_else(|error| error.raise());
            if direct::is_stored(target.expr.cast(), kind, modifier) {
                continue;
            }
            let arguments = list(&[
                target.expr.cast(),
                integer(modifier),
                pg_sys::makeBoolConst(false, false),
            ]);
            let stored = direct::storing(kind).unwrap_or_else(|error| error.raise());
            target.expr = called(stored, kind, arguments).cast();
        }
    }
}

/// The two sides of a comparison, the one without a key tagged by that of the other.
unsafe fn tagged(arguments: *mut pg_sys::List) -> *mut pg_sys::List {
    // SAFETY: a list of expressions.
    unsafe {
        if length(arguments) != 2 {
            return arguments;
        }
        let sides: Vec<*mut pg_sys::Node> = elements(arguments).collect();
        let [left, right] = [sides[0], sides[1]];
        let kind = pg_sys::exprType(left);
        if kind.to_u32() < pg_sys::FirstNormalObjectId || kind_of(kind).is_none() {
            return arguments;
        }
        let modifiers = [left, right].map(|side| pg_sys::exprTypmod(side));
        (table().sealing.comparable)(modifiers[0], modifiers[1]).unwrap_or_else(|error| error.raise());
        match modifiers {
            [modifier, -1] if modifier >= 0 => list(&[left, tag_of(right, kind, modifier)]),
            [-1, modifier] if modifier >= 0 => list(&[tag_of(left, kind, modifier), right]),
            _ => arguments,
        }
    }
}

/// What a value, or each element of an array, is compared by.
unsafe fn tag_of(side: *mut pg_sys::Node, kind: pg_sys::Oid, modifier: i32) -> *mut pg_sys::Node {
    // SAFETY: an expression of the type, or of an array of it.
    unsafe {
        let own = pg_sys::exprType(side);
        if own == kind {
            return call(side, kind, modifier);
        }
        if pg_sys::get_element_type(own) != kind {
            return side;
        }
        let mut each = pgrx::PgBox::<pg_sys::ArrayCoerceExpr>::alloc_node(pg_sys::NodeTag::T_ArrayCoerceExpr);
        // An array of texts that is made one of values, or one of values.
        if is_a(side, pg_sys::NodeTag::T_ArrayCoerceExpr) {
            let made = &*side.cast::<pg_sys::ArrayCoerceExpr>();
            each.arg = made.arg;
            each.elemexpr = call(made.elemexpr.cast(), kind, modifier).cast();
        } else {
            let mut element =
                pgrx::PgBox::<pg_sys::CaseTestExpr>::alloc_node(pg_sys::NodeTag::T_CaseTestExpr);
            element.typeId = kind;
            element.typeMod = -1;
            each.arg = side.cast();
            each.elemexpr = call(element.into_pg().cast(), kind, modifier).cast();
        }
        each.resulttype = own;
        each.resulttypmod = -1;
        each.coerceformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
        each.location = -1;
        each.into_pg().cast()
    }
}

unsafe fn call(value: *mut pg_sys::Node, kind: pg_sys::Oid, modifier: i32) -> *mut pg_sys::Node {
    // SAFETY: makes nodes; the function takes a value of the type, or a text, and an integer.
    unsafe {
        if let Some(sought) = direct::seek(value, kind, modifier) {
            return sought;
        }
        let tagged = function(c"vpd_private", c"sealed_tagged", &[kind, pg_sys::INT4OID])
            .unwrap_or_else(|error| error.raise());
        called(tagged, kind, list(&[value, integer(modifier)]))
    }
}
