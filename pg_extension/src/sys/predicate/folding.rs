//! Constants of a predicate are folded to learn what it says without rows. Folding runs functions, and whoever owns one may have given it another body
//! since the predicate was written: so only the server's own and ours are run here, as whoever adds or looks at the predicate.

use crate::sys::compat;
use pgrx::{pg_guard, pg_sys};
use std::ffi::c_void;

/// The folded tree. What calls functions of others stands in it as a parameter that nobody knows, or as NULL where it is NULL whatever they do.
///
/// # Safety
/// `expression` is a valid expression tree; the answer shares nothing with it.
pub(super) unsafe fn fold(expression: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise.
    unsafe {
        let known = known_mutator(expression, std::ptr::null_mut());
        pg_sys::eval_const_expressions(std::ptr::null_mut(), known)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn known_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return node;
    }
    // SAFETY: the node is valid and of the type its tag says.
    unsafe {
        if (*node).type_ == T_Query {
            return pg_sys::copyObjectImpl(node.cast()).cast();
        }
        let is_foreign = matches!(
            (*node).type_,
            T_FuncExpr
                | T_OpExpr
                | T_DistinctExpr
                | T_NullIfExpr
                | T_ScalarArrayOpExpr
                | T_CoerceViaIO
                | T_RowCompareExpr
        ) && pg_sys::check_functions_in_node(node, Some(is_of_others), std::ptr::null_mut());
        let copy = compat::mutate_expression(node, known_mutator, context);
        if !is_foreign {
            return copy;
        }
        let (kind, modifier, collation) = (
            pg_sys::exprType(copy),
            pg_sys::exprTypmod(copy),
            pg_sys::exprCollation(copy),
        );
        if is_null_anyway(copy) {
            return pg_sys::makeNullConst(kind, modifier, collation).cast();
        }
        let unknown = super::node::parameter(0, kind, -1);
        (*unknown).paramtypmod = modifier;
        (*unknown).paramcollid = collation;
        unknown.cast()
    }
}

/// True for a strict function or operator with an argument that is NULL: it is not called.
unsafe fn is_null_anyway(node: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: as in `known_mutator`; what others wrote in the arguments is known by now, so that folding them runs nothing of it.
    unsafe {
        let (function, arguments) = match (*node).type_ {
            T_FuncExpr => {
                let call = &*node.cast::<pg_sys::FuncExpr>();
                (call.funcid, call.args)
            }
            T_OpExpr => {
                let operator = node.cast::<pg_sys::OpExpr>();
                pg_sys::set_opfuncid(operator);
                ((*operator).opfuncid, (*operator).args)
            }
            _ => return false,
        };
        if arguments.is_null() || !pg_sys::func_strict(function) {
            return false;
        }
        (0..(*arguments).length).any(|place| {
            let argument = crate::sys::list::nth(arguments, place).cast::<pg_sys::Node>();
            let folded = pg_sys::eval_const_expressions(std::ptr::null_mut(), argument);
            !folded.is_null() && (*folded).type_ == T_Const && (*folded.cast::<pg_sys::Const>()).constisnull
        })
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn is_of_others(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    // SAFETY: catalogue look-ups of a function that exists.
    unsafe {
        function.to_u32() >= pg_sys::FirstNormalObjectId
            && pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function)
                != pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true)
    }
}
