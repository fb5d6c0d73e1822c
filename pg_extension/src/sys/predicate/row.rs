//! A predicate over one row at a time: of values that it is handed, outside of a plan.

use super::node::parameter;
use crate::sys::compat;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// A column of the relation that a predicate names.
pub struct Column {
    pub number: i16,
    pub kind: pg_sys::Oid,
    modifier: i32,
    collation: pg_sys::Oid,
}

impl Column {
    /// It, as an expression over an entry of a range table.
    ///
    /// # Safety
    /// Inside of the server's memory management.
    pub unsafe fn over(&self, entry: i32) -> *mut pg_sys::Node {
        // SAFETY: makes a node.
        unsafe { pg_sys::makeVar(entry, self.number, self.kind, self.modifier, self.collation, 0).cast() }
    }
}

/// The columns that a tree names, by their numbers.
///
/// # Safety
/// A valid expression over one relation.
pub(super) unsafe fn columns(tree: *mut pg_sys::Node) -> Vec<Column> {
    let mut found: Vec<Column> = Vec::new();
    // SAFETY: the caller's promise; the context is the list.
    unsafe { column_walker(tree, std::ptr::from_mut(&mut found).cast()) };
    found.sort_by_key(|column| column.number);
    found.dedup_by_key(|column| column.number);
    found
}

#[pg_guard]
unsafe extern "C-unwind" fn column_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the list that `columns` passed; the node is of the type its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Var) {
            let variable = &*node.cast::<pg_sys::Var>();
            (*context.cast::<Vec<Column>>()).push(Column {
                number: variable.varattno,
                kind: variable.vartype,
                modifier: variable.vartypmod,
                collation: variable.varcollid,
            });
            return false;
        }
        pg_sys::expression_tree_walker(node, Some(column_walker), context)
    }
}

/// A predicate that is ready to be asked. It lies in the memory that was current when it was made, and goes with it.
#[derive(Clone, Copy)]
pub struct Ready {
    state: *mut pg_sys::ExprState,
    context: *mut pg_sys::ExprContext,
    parameters: pg_sys::ParamListInfo,
}

impl Ready {
    /// Over parameters in the place of the columns.
    ///
    /// # Safety
    /// The tree is a valid expression over these columns.
    pub(super) unsafe fn of(tree: *mut pg_sys::Node, columns: &[Column]) -> Self {
        // SAFETY: nodes and states are made in the current memory; the list has as many places as there are columns.
        unsafe {
            let mut columns_seen = Columns(columns);
            let tree = parameter_mutator(tree, std::ptr::from_mut(&mut columns_seen).cast());
            let parameters = pg_sys::makeParamList(columns.len() as i32);
            let places = (*parameters).params.as_mut_slice(columns.len());
            for (place, column) in places.iter_mut().zip(columns) {
                place.ptype = column.kind;
                place.isnull = true;
            }
            let context = pg_sys::CreateStandaloneExprContext();
            (*context).ecxt_param_list_info = parameters;
            let planned = pg_sys::expression_planner(tree.cast());
            Self {
                state: pg_sys::ExecInitExprWithParams(planned, parameters),
                context,
                parameters,
            }
        }
    }

    /// Whether it is true for these values.
    ///
    /// # Safety
    /// There are as many as columns, of their types; the memory that it lies in is still there.
    pub unsafe fn is_true(self, values: &[pg_sys::NullableDatum]) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let places = (*self.parameters).params.as_mut_slice(values.len());
            for (place, value) in places.iter_mut().zip(values) {
                place.value = value.value;
                place.isnull = value.isnull;
            }
            pg_sys::MemoryContextReset((*self.context).ecxt_per_tuple_memory);
            let mut is_null = false;
            let Some(evaluate) = (*self.state).evalfunc else {
                return true;
            };
            let former = pg_sys::MemoryContextSwitchTo((*self.context).ecxt_per_tuple_memory);
            let answer = guarded!(evaluate(self.state, self.context, &mut is_null));
            pg_sys::MemoryContextSwitchTo(former);
            !is_null && answer.value() != 0
        }
    }
}

struct Columns<'a>(&'a [Column]);

#[pg_guard]
unsafe extern "C-unwind" fn parameter_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the list that `of` passed; the node is of the type its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Var) {
            let variable = &*node.cast::<pg_sys::Var>();
            let columns = (*context.cast::<Columns<'_>>()).0;
            let place = columns
                .iter()
                .position(|column| column.number == variable.varattno);
            let number = place.map_or(0, |place| place as i32 + 1);
            let parameter = parameter(number, variable.vartype, -1);
            (*parameter).paramtypmod = variable.vartypmod;
            (*parameter).paramcollid = variable.varcollid;
            return parameter.cast();
        }
        compat::mutate_expression(node, parameter_mutator, context)
    }
}
