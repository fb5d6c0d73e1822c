//! `vpd.sees_node` and the list of keys behind it: raw, because it runs for every row and takes a value of any type. What it tells the planner
//! stands in `support`.
//!
//! It decides nothing: the table of questions says what is seen.

mod key;
mod support;
mod written;

pub use support::forget_index_plans;

use super::list::nth;
use super::readiness::is_ready;
use super::table::table;
use crate::error::{Error, Result};
use key::Form;
use pgrx::{FromDatum, is_a, pg_guard, pg_sys};

finfo!(pg_finfo_sees_node_wrapper);

finfo!(pg_finfo_visible_keys_wrapper);

/// `sees_node(hierarchy text, key anyelement)`.
///
/// # Safety
/// The server calls it with its two arguments.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sees_node_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, as declared; the function's own information outlives the call.
    let is_seen = unsafe {
        let arguments = (*call).args.as_slice(2);
        (*call).isnull = false;
        prepared((*call).flinfo, &arguments[0]).and_then(|prepared| match prepared {
            None => Ok(false),
            Some((hierarchy, _)) if arguments[1].isnull => (table().node.sees)(hierarchy, None),
            Some((hierarchy, form)) => form.with_text((*call).flinfo, arguments[1].value, |key| {
                (table().node.sees)(hierarchy, Some(key))
            }),
        })
    };
    match is_seen {
        Ok(is_seen) => pg_sys::Datum::from(is_seen),
        Err(error) => error.raise(),
    }
}

/// The hierarchy and the form of the key. Both are remembered with the call when the name is a constant.
unsafe fn prepared(
    function: *mut pg_sys::FmgrInfo,
    name: &pg_sys::NullableDatum,
) -> Result<Option<(usize, Form)>> {
    // SAFETY: `fn_extra` is ours alone; it holds no pointer but two small numbers, so nothing has to be freed.
    unsafe {
        let known = (*function).fn_extra as usize;
        if known != 0 {
            return Ok(Some(((known >> 3) - 1, Form::ALL[(known & 7) % Form::ALL.len()])));
        }
        if !is_ready() {
            return Err(Error::not_active());
        }
        // Without a session nothing is seen, and nothing is told of which hierarchies there are.
        if !(table().session.is_attached)() {
            return Ok(None);
        }
        let Some(name) = String::from_datum(name.value, name.isnull) else {
            return Ok(None);
        };
        let hierarchy = (table().node.find)(&name)?;
        let form = Form::of(pg_sys::get_fn_expr_argtype(function, 1)).ok_or_else(not_a_key)?;
        if is_constant((*function).fn_expr.cast(), 0) {
            (*function).fn_extra = (((hierarchy + 1) << 3) | form as usize) as *mut std::ffi::c_void;
        }
        Ok(Some((hierarchy, form)))
    }
}

fn not_a_key() -> Error {
    Error::key_type("what vpd.sees_node is called with")
}

/// True when a function is called by an expression, with a constant at this place.
pub(super) unsafe fn is_constant(call: *mut pg_sys::Node, argument: i32) -> bool {
    // SAFETY: the node is NULL or the expression that the function is called by.
    unsafe {
        !call.is_null()
            && is_a(call, pg_sys::NodeTag::T_FuncExpr)
            && is_a(
                nth((*call.cast::<pg_sys::FuncExpr>()).args, argument),
                pg_sys::NodeTag::T_Const,
            )
    }
}

/// `visible_keys(hierarchy text, of_type anyelement)`.
///
/// # Safety
/// The server calls it with its two arguments.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn visible_keys_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, as declared; the array is made in the memory of the caller.
    unsafe {
        let arguments = (*call).args.as_slice(2);
        (*call).isnull = false;
        let kind = pg_sys::get_fn_expr_argtype((*call).flinfo, 1);
        let form = Form::of(kind).unwrap_or_else(|| not_a_key().raise());
        let kind = pg_sys::getBaseType(kind);
        let keys = String::from_datum(arguments[0].value, arguments[0].isnull)
            .filter(|_| (table().session.is_attached)())
            .map_or(Ok(Vec::new()), |name| {
                (table().node.visible_keys)((table().node.find)(&name)?)
            })
            .unwrap_or_else(|error| error.raise());
        let mut values: Vec<pg_sys::Datum> = keys.iter().filter_map(|key| form.value(key)).collect();
        let (mut length, mut is_by_value, mut alignment) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(kind, &mut length, &mut is_by_value, &mut alignment);
        let array = pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            kind,
            i32::from(length),
            is_by_value,
            alignment,
        );
        pg_sys::Datum::from(array)
    }
}
