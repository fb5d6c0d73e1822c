//! A text that one expression makes a value of a sealed type, for a column or to be compared with one. Step by step it would be encrypted as a value on its way, opened again,
//! and sealed or tagged; here one function does what the steps come to, and so the text is where it was before, and nowhere else.
//!
//! ```sql
//! sealed_coerce(CAST($1::text AS vpd.sealed_text), 71230, false)   -- comes in
//! sealed_text_stored($1::text, 71230)                              -- goes out
//! ssn = sealed_tagged(CAST($1::text AS vpd.sealed_text), 71230)    -- would go out
//! ssn = sealed_text_sought($1::text, 71230)                        -- goes out
//! ```
//!
//! A cast that somebody wrote stays what it is: it is refused to who may not unseal.

use crate::error::{Error, Result};
use crate::sys::list::{list, nth};
use crate::sys::predicate::function;
use crate::sys::sealed_type::kind_of;
use pgrx::{PgBox, is_a, pg_sys};
use std::ffi::CString;

/// The function by which values come into columns.
pub fn storing(kind: pg_sys::Oid) -> Result<pg_sys::Oid> {
    let arguments = [kind, pg_sys::INT4OID, pg_sys::BOOLOID];
    function(c"vpd_private", c"sealed_coerce", &arguments)
}

/// Whether an expression comes into columns of a modifier already, by an assignment: twice would be once.
pub unsafe fn is_stored(value: *mut pg_sys::Node, kind: pg_sys::Oid, modifier: i32) -> bool {
    // SAFETY: a valid expression.
    unsafe {
        is_a(value, pg_sys::NodeTag::T_FuncExpr)
            && assigned(&*value.cast(), kind).is_some_and(|(_, stored)| stored == modifier)
            && storing(kind).is_ok_and(|known| known == (*value.cast::<pg_sys::FuncExpr>()).funcid)
    }
}

/// Makes of the two steps by which a text comes into a column one.
pub unsafe fn store(call: &mut pg_sys::FuncExpr) {
    let kind = call.funcresulttype;
    if kind.to_u32() < pg_sys::FirstNormalObjectId {
        return;
    }
    // SAFETY: a call as the parser made it; it becomes one of a function with the same result.
    unsafe {
        let Some((value, modifier)) = assigned(call, kind) else {
            return;
        };
        if !is_a(value, pg_sys::NodeTag::T_CoerceViaIO) || kind_of(kind).is_none() {
            return;
        }
        let is_ours = storing(kind).unwrap_or_else(|error| error.raise()) == call.funcid;
        if is_ours && let Some(text) = text(value) {
            call.funcid = named(kind, "stored").unwrap_or_else(|error| error.raise());
            call.funcformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
            call.args = list(&[text, integer(modifier)]);
        }
    }
}

/// What a text that is made a value is compared by; `None` for any other value.
pub unsafe fn seek(value: *mut pg_sys::Node, kind: pg_sys::Oid, modifier: i32) -> Option<*mut pg_sys::Node> {
    // SAFETY: an expression of the type.
    unsafe {
        let text = text(value)?;
        let sought = named(kind, "sought").unwrap_or_else(|error| error.raise());
        Some(called(sought, kind, list(&[text, integer(modifier)])))
    }
}

/// The value and the modifier of a call that looks like an assignment to a column.
unsafe fn assigned(call: &pg_sys::FuncExpr, kind: pg_sys::Oid) -> Option<(*mut pg_sys::Node, i32)> {
    // SAFETY: a call with its arguments, read as the types their tags say.
    unsafe {
        if call.funcresulttype != kind || call.args.is_null() || (*call.args).length != 3 {
            return None;
        }
        let constant = |index| {
            let node = nth(call.args, index);
            is_a(node, pg_sys::NodeTag::T_Const)
                .then(|| &*node.cast::<pg_sys::Const>())
                .filter(|constant| !constant.constisnull)
        };
        let (modifier, is_explicit) = (constant(1)?, constant(2)?);
        let is_assignment = modifier.consttype == pg_sys::INT4OID
            && is_explicit.consttype == pg_sys::BOOLOID
            && is_explicit.constvalue.value() == 0;
        is_assignment.then(|| (nth(call.args, 0), modifier.constvalue.value() as i32))
    }
}

/// The text that a value is read from in its own expression.
unsafe fn text(value: *mut pg_sys::Node) -> Option<*mut pg_sys::Node> {
    // SAFETY: a valid expression; what is made of it has the text that the conversion would have gone by.
    unsafe {
        if !is_a(value, pg_sys::NodeTag::T_CoerceViaIO) {
            return None;
        }
        let source: *mut pg_sys::Node = (*value.cast::<pg_sys::CoerceViaIO>()).arg.cast();
        if pg_sys::exprType(source) == pg_sys::TEXTOID {
            return Some(source);
        }
        let mut text = PgBox::<pg_sys::CoerceViaIO>::alloc_node(pg_sys::NodeTag::T_CoerceViaIO);
        text.arg = source.cast();
        text.resulttype = pg_sys::TEXTOID;
        text.resultcollid = pg_sys::DEFAULT_COLLATION_OID;
        text.coerceformat = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        text.location = -1;
        Some(text.into_pg().cast())
    }
}

/// A function for texts of a sealed type.
fn named(kind: pg_sys::Oid, what: &str) -> Result<pg_sys::Oid> {
    let name = kind_of(kind).map(|kind| format!("{}_{what}", kind.type_name()));
    let name = name
        .and_then(|name| CString::new(name).ok())
        .ok_or_else(Error::envelope_broken)?;
    function(c"vpd_private", &name, &[pg_sys::TEXTOID, pg_sys::INT4OID])
}

/// A constant.
pub unsafe fn integer(value: i32) -> *mut pg_sys::Node {
    // SAFETY: makes a node.
    unsafe {
        pg_sys::makeConst(
            pg_sys::INT4OID,
            -1,
            pg_sys::InvalidOid,
            4,
            pg_sys::Datum::from(value),
            false,
            true,
        )
        .cast()
    }
}

/// A call of a function that takes the arguments and returns the type.
pub unsafe fn called(oid: pg_sys::Oid, kind: pg_sys::Oid, arguments: *mut pg_sys::List) -> *mut pg_sys::Node {
    // SAFETY: makes a node; the function takes the arguments and returns the type.
    unsafe {
        let form = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        pg_sys::makeFuncExpr(oid, kind, arguments, pg_sys::InvalidOid, pg_sys::InvalidOid, form).cast()
    }
}
