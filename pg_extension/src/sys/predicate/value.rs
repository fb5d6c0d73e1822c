//! Expressions that stand for the value of a column: parsed as a predicate is, and of the column's type.

use super::{Compiled, analyze, build_apart, folding};
use crate::error::{Error, Result};
use crate::sys::sealed_type;
use pgrx::{is_a, pg_sys};
use std::ffi::CStr;

/// Parses `text` as one expression over the relation that can be assigned to its column `attribute`.
///
/// The relation must be locked by the caller. Names are resolved in pg_catalog alone.
pub fn compile_value(
    relation: pg_sys::Oid,
    alias: Option<&str>,
    attribute: i16,
    text: &str,
) -> Result<Compiled> {
    // SAFETY: as in `compile_as`.
    build_apart(text, None, Error::mask_invalid, |text| unsafe {
        let analyzed = analyze(relation, alias, text, Error::mask_invalid, |state, expression| {
            let expression =
                pg_sys::transformExpr(state, expression, pg_sys::ParseExprKind::EXPR_KIND_POLICY);
            of_column_type(state, expression, relation, attribute)
        })?;
        // So that a constant that does not fit is refused now and not by every reader.
        folding::fold(analyzed.node);
        Ok(analyzed)
    })
}

unsafe fn of_column_type(
    state: *mut pg_sys::ParseState,
    expression: *mut pg_sys::Node,
    relation: pg_sys::Oid,
    attribute: i16,
) -> Result<*mut pg_sys::Node> {
    let mut kind = pg_sys::InvalidOid;
    let mut modifier = -1;
    let mut collation = pg_sys::InvalidOid;
    // SAFETY: the relation is locked and has the column; the out-pointers are valid; coercion returns NULL when there is none.
    unsafe {
        pg_sys::get_atttypetypmodcoll(relation, attribute, &mut kind, &mut modifier, &mut collation);
        // A mask over a sealed column is no value to be sealed.
        if sealed_type::kind_of(kind).is_some() {
            modifier = -1;
        }
        let own = pg_sys::exprType(expression);
        if is_a(expression, pg_sys::NodeTag::T_Const) && (*expression.cast::<pg_sys::Const>()).constisnull {
            // A domain that refuses NULL does so when a row is stored; here nothing is.
            return Ok(pg_sys::makeNullConst(kind, modifier, collation).cast());
        }
        let coerced = pg_sys::coerce_to_target_type(
            state,
            expression,
            own,
            kind,
            modifier,
            pg_sys::CoercionContext::COERCION_ASSIGNMENT,
            pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
            -1,
        );
        if coerced.is_null() {
            return Err(Error::mask_type(&type_name(own, -1), &type_name(kind, modifier)));
        }
        Ok(coerced)
    }
}

unsafe fn type_name(kind: pg_sys::Oid, modifier: i32) -> String {
    // SAFETY: returns a palloc'd, NUL-terminated name for any OID.
    unsafe { CStr::from_ptr(pg_sys::format_type_with_typemod(kind, modifier)) }
        .to_string_lossy()
        .into_owned()
}
