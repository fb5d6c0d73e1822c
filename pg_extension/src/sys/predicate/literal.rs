//! Quoted literals in a predicate. The server gives one its type by calling the type's input function, which runs checks of domains that stand
//! inside a composite type, an array or a range: code of whoever owns the domain, as whoever adds or looks at the predicate. Such literals are
//! refused before they are read; `ROW(…)` and `ARRAY[…]` run nothing until rows are looked at.
//!
//! A literal goes through the analysis as a parameter of unknown type, because the server asks a hook for those; it becomes a constant when its
//! type is known, or at the end.

use crate::sys::compat;
use pgrx::{PgTupleDesc, is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_char, c_void};

/// The literals of a text, in memory of the analysis.
#[derive(Default)]
pub struct Literals {
    texts: Vec<*const c_char>,
    refused: Option<String>,
}

impl Literals {
    /// Puts parameters in the place of the literals of a raw expression. Their numbers are negative, which none in a text is.
    ///
    /// # Safety
    /// The tree is what the raw parser made, and nobody else looks at it.
    pub unsafe fn take(&mut self, expression: *mut pg_sys::Node) {
        // SAFETY: the caller's promise; the context is this value.
        unsafe {
            take_walker(expression, std::ptr::from_mut(self).cast());
        }
    }

    /// The tree with constants for literals that no type was asked for; or the type that refuses one.
    ///
    /// # Safety
    /// The tree is a valid expression.
    pub unsafe fn settle(
        &mut self,
        tree: *mut pg_sys::Node,
    ) -> std::result::Result<*mut pg_sys::Node, String> {
        match self.refused.take() {
            Some(name) => Err(name),
            // SAFETY: the caller's promise; the context is this value.
            None => Ok(unsafe { settle_mutator(tree, std::ptr::from_mut(self).cast()) }),
        }
    }

    /// The type of a literal is known.
    ///
    /// # Safety
    /// State and parameter are what the server analyzes.
    pub unsafe fn typed(
        &mut self,
        state: *mut pg_sys::ParseState,
        parameter: *mut pg_sys::Param,
        kind: pg_sys::Oid,
        modifier: i32,
        location: i32,
    ) -> *mut pg_sys::Node {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(constant) = self.constant(&*parameter) else {
                return std::ptr::null_mut();
            };
            if runs_code(pg_sys::getBaseType(kind)) {
                let name = CStr::from_ptr(pg_sys::format_type_be(kind));
                self.refused = Some(name.to_string_lossy().into_owned());
                return pg_sys::makeNullConst(kind, modifier, pg_sys::get_typcollation(kind)).cast();
            }
            pg_sys::coerce_type(
                state,
                constant,
                pg_sys::UNKNOWNOID,
                kind,
                modifier,
                pg_sys::CoercionContext::COERCION_EXPLICIT,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CAST,
                location,
            )
        }
    }

    /// The literal that a parameter stands for.
    unsafe fn constant(&self, parameter: &pg_sys::Param) -> Option<*mut pg_sys::Node> {
        let place = usize::try_from(-1 - parameter.paramid).ok()?;
        let text = *self.texts.get(place)?;
        // SAFETY: as the server makes the constant of a literal: of unknown type, which is a C string.
        unsafe {
            let constant = pg_sys::makeConst(
                pg_sys::UNKNOWNOID,
                -1,
                pg_sys::InvalidOid,
                -2,
                pg_sys::Datum::from(text),
                false,
                false,
            );
            (*constant).location = parameter.location;
            Some(constant.cast())
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn take_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: `context` is the value that `take` passed; each node is read as the type its tag says. A parameter is smaller than the
    // literal whose place it takes. The modifiers of a type stay literals.
    unsafe {
        if node.is_null() || is_a(node, pg_sys::NodeTag::T_TypeName) {
            return false;
        }
        if is_a(node, pg_sys::NodeTag::T_A_Const) {
            let literal = &*node.cast::<pg_sys::A_Const>();
            if !literal.isnull && literal.val.node.type_ == pg_sys::NodeTag::T_String {
                let literals = &mut *context.cast::<Literals>();
                let (text, location) = (literal.val.sval.sval, literal.location);
                let parameter = node.cast::<pg_sys::ParamRef>();
                (*parameter).type_ = pg_sys::NodeTag::T_ParamRef;
                (*parameter).number = -1 - literals.texts.len() as i32;
                (*parameter).location = location;
                literals.texts.push(text);
            }
            return false;
        }
        compat::walk_raw_expression(node, take_walker, context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn settle_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the value that `settle` passed; each node is read as the type its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return compat::mutate_query(node.cast(), settle_mutator, context).cast();
        }
        if is_a(node, pg_sys::NodeTag::T_Param)
            && let Some(constant) = (*context.cast::<Literals>()).constant(&*node.cast::<pg_sys::Param>())
        {
            return constant;
        }
        compat::mutate_expression(node, settle_mutator, context)
    }
}

/// True for a type whose input function runs checks: those of a domain inside of it. A literal of a domain itself is read as its base type.
unsafe fn runs_code(kind: pg_sys::Oid) -> bool {
    if kind.to_u32() < pg_sys::FirstNormalObjectId {
        return false;
    }
    // SAFETY: catalogue look-ups of a type that exists.
    unsafe {
        match pg_sys::get_typtype(kind) as u8 {
            pg_sys::TYPTYPE_COMPOSITE => {
                let form = PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(kind, -1));
                form.iter()
                    .any(|column| !column.attisdropped && is_checked(column.atttypid))
            }
            pg_sys::TYPTYPE_RANGE => is_checked(pg_sys::get_range_subtype(kind)),
            pg_sys::TYPTYPE_MULTIRANGE => runs_code(pg_sys::get_multirange_range(kind)),
            _ => {
                let element = pg_sys::get_element_type(kind);
                element != pg_sys::InvalidOid && is_checked(element)
            }
        }
    }
}

/// True for a part that is a domain with checks, or has such parts.
unsafe fn is_checked(kind: pg_sys::Oid) -> bool {
    // SAFETY: as in `runs_code`.
    unsafe {
        let base = pg_sys::getBaseType(kind);
        (base != kind && pg_sys::DomainHasConstraints(kind)) || runs_code(base)
    }
}
