//! Whose code an expression runs, and by what it may mean something else. Policies are asked for those who are under them, a condition of an audit policy for everybody,
//! superusers too: what a plain role wrote, or can choose while it runs, would have their rights. And whoever reads must not choose what it says.
//!
//! So it calls functions of the server's own that are IMMUTABLE, by operators of the server's own, over types of the server's own: these look nothing up, follow no setting and
//! have no effect but their result, or an error. Beside them stand the readers of the session of this library, and columns of enumerations and domains, of which nothing is
//! run that belongs to their owners.

use crate::sys::function;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// `bytea_output`, `extra_float_digits`, `quote_all_identifiers`, `timezone_abbreviations`.
const FOLLOWERS: [&CStr; 5] = [
    c"byteaout",
    c"float4out",
    c"float8out",
    c"quote_ident",
    c"timezone",
];

/// What an expression may not have.
///
/// # Safety
/// The tree is a valid expression without sub-selects.
pub(super) unsafe fn foreign_part(tree: *mut pg_sys::Node) -> Option<String> {
    let mut found: Option<String> = None;
    // SAFETY: the caller's promise; the context is the answer.
    unsafe { part_walker(tree, std::ptr::from_mut(&mut found).cast()) };
    found
}

#[pg_guard]
unsafe extern "C-unwind" fn part_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the answer that `foreign_part` passed; the node is of the type its tag says.
    unsafe {
        let found = &mut *context.cast::<Option<String>>();
        if pg_sys::check_functions_in_node(node, Some(is_foreign_function), context) {
            return true;
        }
        if let Some(operator) = operator(node).filter(|operator| !is_of_server(*operator)) {
            *found = Some(format!("operator {}", text_of(pg_sys::format_operator(operator))));
            return true;
        }
        match (*node).type_ {
            T_List | T_CaseWhen | T_NamedArgExpr => (),
            T_XmlExpr | T_NextValueExpr | T_CurrentOfExpr | T_Param => {
                *found = Some("this kind of expression".to_owned());
                return true;
            }
            T_SQLValueFunction
                if (*node.cast::<pg_sys::SQLValueFunction>()).op
                    != pg_sys::SQLValueFunctionOp::SVFOP_SESSION_USER =>
            {
                *found = Some("a value of the connection other than session_user".to_owned());
                return true;
            }
            _ => {
                let kind = pg_sys::exprType(node);
                // A value of a domain comes as it is stored; whatever makes one checks it.
                let kind = if is_a(node, T_Var) {
                    pg_sys::getBaseType(kind)
                } else {
                    kind
                };
                if !is_plain_type(kind) {
                    *found = Some(format!("type {}", text_of(pg_sys::format_type_be(kind))));
                    return true;
                }
            }
        }
        pg_sys::expression_tree_walker(node, Some(part_walker), context)
    }
}

/// The operator by which a node was written: the server may put another of its family in its place.
unsafe fn operator(node: *mut pg_sys::Node) -> Option<pg_sys::Oid> {
    use pg_sys::NodeTag::*;
    // SAFETY: the node is read as what its tag says; the three kinds are one structure. A comparison of rows has operators of one kind.
    unsafe {
        match (*node).type_ {
            T_OpExpr | T_DistinctExpr | T_NullIfExpr => Some((*node.cast::<pg_sys::OpExpr>()).opno),
            T_ScalarArrayOpExpr => Some((*node.cast::<pg_sys::ScalarArrayOpExpr>()).opno),
            T_RowCompareExpr => {
                let operators = (*node.cast::<pg_sys::RowCompareExpr>()).opnos;
                (0..crate::sys::list::length(operators))
                    .map(|index| (*(*operators).elements.add(index as usize)).oid_value)
                    .find(|operator| !is_of_server(*operator))
            }
            _ => None,
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn is_foreign_function(function: pg_sys::Oid, context: *mut c_void) -> bool {
    // SAFETY: catalogue look-ups; `context` is as above.
    unsafe {
        let is_immutable = pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_IMMUTABLE;
        let is_reader = || {
            function::described(function, |described| {
                described.is_of_library() && !described.is_volatile()
            })
        };
        let may = if is_of_server(function) {
            is_immutable && !follows_settings(function)
        } else {
            is_reader() == Some(true)
        };
        if !may {
            *context.cast::<Option<String>>() = Some(format!(
                "function {}",
                text_of(pg_sys::format_procedure(function))
            ));
        }
        !may
    }
}

/// True for functions that follow a setting though the server calls them IMMUTABLE.
unsafe fn follows_settings(function: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up; a name is palloc'd and NUL-terminated.
    unsafe {
        let name = pg_sys::get_func_name(function);
        name.is_null() || FOLLOWERS.contains(&CStr::from_ptr(name))
    }
}

/// True for a type of the server's own, an enumeration, and a list of these.
unsafe fn is_plain_type(kind: pg_sys::Oid) -> bool {
    if is_of_server(kind) {
        return true;
    }
    // SAFETY: looks into caches.
    unsafe {
        let element = pg_sys::get_element_type(kind);
        pg_sys::get_typtype(kind) as u8 == pg_sys::TYPTYPE_ENUM
            || (element != pg_sys::InvalidOid && is_plain_type(element))
    }
}

fn is_of_server(object: pg_sys::Oid) -> bool {
    object.to_u32() < pg_sys::FirstNormalObjectId
}

/// A name that the server made.
unsafe fn text_of(name: *const std::ffi::c_char) -> String {
    // SAFETY: palloc'd and NUL-terminated.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
