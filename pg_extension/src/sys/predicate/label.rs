//! Functions in a predicate that say of themselves that a parallel worker may run them.

use super::Compiled;
use crate::sys::function;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// OIDs the server fixes for the languages whose functions run no text of their authors.
const BUILT_IN_LANGUAGES: [u32; 2] = [12, 13];

impl Compiled {
    /// The functions of users labelled PARALLEL SAFE: what they call in turn, nobody can tell. Those that belong to an extension, or are
    /// written in C, are left out.
    pub fn parallel_safe_functions(&self) -> Vec<String> {
        let mut found: Vec<pg_sys::Oid> = Vec::new();
        // SAFETY: the tree is valid for as long as `self` lives; the context is the list.
        unsafe { function_walker(self.plain, std::ptr::from_mut(&mut found).cast()) };
        found.sort_unstable_by_key(|function| function.to_u32());
        found.dedup();
        // SAFETY: the functions stand in a tree that was just analyzed; the names are palloc'd and NUL-terminated.
        let name = |function| unsafe { CStr::from_ptr(pg_sys::format_procedure(function)) };
        found
            .into_iter()
            .map(|function| name(function).to_string_lossy().into_owned())
            .collect()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn function_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the list that `parallel_safe_functions` passed; the node is valid.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::query_tree_walker(node.cast(), Some(function_walker), context, 0);
        }
        pg_sys::check_functions_in_node(node, Some(collect), context);
        pg_sys::expression_tree_walker(node, Some(function_walker), context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn collect(function: pg_sys::Oid, context: *mut c_void) -> bool {
    // SAFETY: as above; catalogue look-ups inside a transaction.
    unsafe {
        if function.to_u32() >= pg_sys::FirstNormalObjectId
            && pg_sys::func_parallel(function) as u8 == pg_sys::PROPARALLEL_SAFE
            && pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function) == pg_sys::InvalidOid
            && function::described(function, |form| form.prolang.to_u32())
                .is_none_or(|language| !BUILT_IN_LANGUAGES.contains(&language))
        {
            (*context.cast::<Vec<pg_sys::Oid>>()).push(function);
        }
    }
    false
}
