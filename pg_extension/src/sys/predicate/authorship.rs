//! Whose code an expression runs. Policies are asked for those who are under them, and an audit policy for everybody, superusers too: what a plain role wrote would run
//! with their rights. So functions, operators and types in its condition belong to superusers.
//!
//! Columns may be of a domain: reading one runs no check of it.

use crate::sys::function;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// A function or type of somebody who is no superuser.
///
/// # Safety
/// The tree is a valid expression without sub-selects.
pub(super) unsafe fn of_plain_role(tree: *mut pg_sys::Node) -> Option<String> {
    let mut found: Option<String> = None;
    // SAFETY: the caller's promise; the context is the answer.
    unsafe { code_walker(tree, std::ptr::from_mut(&mut found).cast()) };
    found
}

#[pg_guard]
unsafe extern "C-unwind" fn code_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the answer that `of_plain_role` passed; the node is of the type its tag says.
    unsafe {
        let found = &mut *context.cast::<Option<String>>();
        if pg_sys::check_functions_in_node(node, Some(is_of_plain_role), context) {
            return true;
        }
        let is_value = !matches!(
            (*node).type_,
            T_List | T_CaseWhen | T_NamedArgExpr | T_TargetEntry
        );
        if is_value {
            let kind = pg_sys::exprType(node);
            // A value comes as it is stored; whatever makes one of a domain checks it.
            let kind = if is_a(node, T_Var) {
                pg_sys::getBaseType(kind)
            } else {
                kind
            };
            if !is_trusted_type(kind) {
                *found = Some(text_of(pg_sys::format_type_be(kind)));
                return true;
            }
        }
        pg_sys::expression_tree_walker(node, Some(code_walker), context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn is_of_plain_role(function: pg_sys::Oid, context: *mut c_void) -> bool {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return false;
    }
    // SAFETY: looks the role up, which may be gone; `context` is as above.
    unsafe {
        let is_trusted = function::owner(function).is_some_and(|owner| pg_sys::superuser_arg(owner));
        if !is_trusted {
            *context.cast::<Option<String>>() = Some(text_of(pg_sys::format_procedure(function)));
        }
        !is_trusted
    }
}

/// True for a type of a superuser, and for an enumeration, which runs nothing of its owner's.
unsafe fn is_trusted_type(kind: pg_sys::Oid) -> bool {
    if kind.to_u32() < pg_sys::FirstNormalObjectId {
        return true;
    }
    // SAFETY: the row is held while it is read.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, kind.into());
        if row.is_null() {
            return false;
        }
        let form = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_type>();
        let (owner, class, element) = (form.typowner, form.typtype as u8, form.typelem);
        pg_sys::ReleaseSysCache(row);
        pg_sys::superuser_arg(owner)
            || class == pg_sys::TYPTYPE_ENUM
            || (element != pg_sys::InvalidOid && is_trusted_type(element))
    }
}

/// A name that the server made.
unsafe fn text_of(name: *const std::ffi::c_char) -> String {
    // SAFETY: palloc'd and NUL-terminated.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
