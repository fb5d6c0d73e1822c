//! Casts in a predicate. A text is understood anew by every backend, and casts have no schema that a name could pin: the owner of a type could
//! give a text another meaning by making a cast, whose function would be handed every row. So the functions of casts belong to superusers.

use crate::sys::function;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// The function of a cast that belongs to somebody who is no superuser.
///
/// # Safety
/// The tree is a valid expression.
pub(super) unsafe fn of_plain_role(tree: *mut pg_sys::Node) -> Option<String> {
    let mut found = pg_sys::InvalidOid;
    // SAFETY: the caller's promise; the context is the number. The name of a function is palloc'd and NUL-terminated.
    unsafe {
        cast_walker(tree, std::ptr::from_mut(&mut found).cast());
        (found != pg_sys::InvalidOid).then(|| {
            CStr::from_ptr(pg_sys::format_procedure(found))
                .to_string_lossy()
                .into_owned()
        })
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn cast_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the number that `of_plain_role` passed; the node is of the type its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::query_tree_walker(node.cast(), Some(cast_walker), context, 0);
        }
        if is_a(node, pg_sys::NodeTag::T_FuncExpr) {
            let call = &*node.cast::<pg_sys::FuncExpr>();
            let is_cast = matches!(
                call.funcformat,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CAST | pg_sys::CoercionForm::COERCE_IMPLICIT_CAST
            );
            if is_cast && call.funcid.to_u32() >= pg_sys::FirstNormalObjectId && !is_trusted(call.funcid) {
                *context.cast::<pg_sys::Oid>() = call.funcid;
                return true;
            }
        }
        pg_sys::expression_tree_walker(node, Some(cast_walker), context)
    }
}

/// True for a function of a superuser.
fn is_trusted(function: pg_sys::Oid) -> bool {
    // SAFETY: looks the role up, which may be gone.
    function::owner(function).is_some_and(|owner| unsafe { pg_sys::superuser_arg(owner) })
}
