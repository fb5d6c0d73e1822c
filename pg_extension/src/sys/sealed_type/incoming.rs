//! Texts as values of the sealed types: from clients, from literals, and straight from an expression to the column that it is for.

use super::definition::is_defining;
use crate::error::{Error, Result};
use crate::sys::readiness::is_ready;
use crate::sys::sealed_column::kind_of;
use crate::sys::secret;
use crate::sys::table::table;
use pgrx::{IntoDatum, pg_guard, pg_sys};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use vpd_text::sealed::Kind;

finfo!(pg_finfo_sealed_in_wrapper);

/// `(cstring, oid, integer) → sealed`: a text of a client, of a cast, or of a literal in a statement.
///
/// # Safety
/// The server calls it with its three arguments, none of which is NULL.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sealed_in_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has three arguments, as declared. Expressions that run say so in the function's own information; for a literal there is none.
    unsafe {
        (*call).isnull = false;
        let arguments = (*call).args.as_slice(3);
        let modifier = integer(arguments, 2);
        let is_literal = (*call)
            .flinfo
            .as_ref()
            .is_none_or(|function| function.fn_expr.is_null());
        if !is_ready() {
            Error::not_active().raise();
        }
        if is_literal && modifier < 0 && is_defining() {
            Error::literal_kept().raise();
        }
        let text = CStr::from_ptr(arguments[0].value.cast_mut_ptr());
        input(text.to_bytes(), oid(arguments, 1), modifier).unwrap_or_else(|error| error.raise())
    }
}

finfo!(pg_finfo_sealed_stored_wrapper);

/// `(text, integer) → sealed`: what an assignment of the text stores in a column of this modifier, without a value on its way.
///
/// # Safety
/// The server calls it with its two arguments, none of which is NULL.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sealed_stored_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let sealing = &table().sealing;
    // SAFETY: called as declared.
    unsafe {
        direct(call, sealing.sealed, |envelope, modifier| {
            (sealing.coerced)(&envelope, modifier, false)
        })
    }
}

finfo!(pg_finfo_sealed_sought_wrapper);

/// `(text, integer) → sealed`: what the text is compared by with a column of this modifier, likewise.
///
/// # Safety
/// The server calls it with its two arguments, none of which is NULL.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sealed_sought_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let sealing = &table().sealing;
    // SAFETY: called as declared.
    unsafe {
        direct(call, sealing.sought, |envelope, modifier| {
            (sealing.tagged)(&envelope, modifier)
        })
    }
}

/// A text is read as the type that is returned, and either an envelope or a value in the clear.
unsafe fn direct(
    call: pg_sys::FunctionCallInfo,
    of_plain: fn(Kind, &[u8], i32) -> Result<Vec<u8>>,
    of_envelope: impl FnOnce(Vec<u8>, i32) -> Result<Vec<u8>>,
) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, a text and an integer.
    unsafe {
        (*call).isnull = false;
        if !is_ready() {
            Error::not_active().raise();
        }
        let arguments = (*call).args.as_slice(2);
        let (text, modifier) = (bytes(arguments, 0), integer(arguments, 1));
        let work = || {
            let kind = returned((*call).flinfo).ok_or_else(Error::envelope_broken)?;
            match taken(text, kind, -1)? {
                Some(envelope) => of_envelope(envelope, modifier),
                None => with_plain(kind, text, |plain| of_plain(kind, plain, modifier)),
            }
        };
        work().and_then(datum).unwrap_or_else(|error| error.raise())
    }
}

/// What is sealed in the type that a function returns. The call of an expression remembers it in the place for that, as a number and not as the address of anything.
unsafe fn returned(function: *mut pg_sys::FmgrInfo) -> Option<Kind> {
    // SAFETY: information on a function, or none; nobody else uses its place.
    unsafe {
        let known = (*function).fn_extra.addr();
        if known != 0 {
            return Kind::ALL.get(known - 1).copied();
        }
        let kind = kind_of(pg_sys::get_fn_expr_rettype(function))?;
        let number = Kind::ALL.into_iter().position(|one| one == kind)?;
        (*function).fn_extra = std::ptr::without_provenance_mut(number + 1);
        Some(kind)
    }
}

/// A text as a value of a sealed type.
///
/// # Safety
/// Inside a transaction.
pub unsafe fn input(text: &[u8], type_oid: pg_sys::Oid, modifier: i32) -> Result<pg_sys::Datum> {
    let kind = kind_of(type_oid).ok_or_else(Error::envelope_broken)?;
    if let Some(envelope) = taken(text, kind, modifier)? {
        return datum(envelope);
    }
    // SAFETY: said above.
    unsafe {
        with_plain(kind, text, |plain| {
            (table().sealing.sealed)(kind, plain, modifier)
        })
        .and_then(datum)
    }
}

/// The envelope that a text is; `None` for a value in the clear.
fn taken(text: &[u8], kind: Kind, modifier: i32) -> Result<Option<Vec<u8>>> {
    let sealing = &table().sealing;
    (sealing.envelope)(text)?
        .map(|envelope| (sealing.taken)(envelope, kind, modifier))
        .transpose()
}

/// Hands on the bytes that a text is sealed as; a copy of them is wiped.
unsafe fn with_plain(
    kind: Kind,
    text: &[u8],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    // SAFETY: a function of a type runs inside a transaction.
    let mut plain = unsafe { canonical(kind, text)? };
    let made = work(&plain);
    if let Cow::Owned(copy) = &mut plain {
        secret::wipe(copy);
    }
    made
}

/// The bytes that a value of the server's own type is sealed as: one form for equal texts of the kind. An error of its input function passes.
///
/// # Safety
/// Inside a transaction.
unsafe fn canonical(kind: Kind, text: &[u8]) -> Result<Cow<'_, [u8]>> {
    let own = match kind {
        Kind::Text => return Ok(Cow::Borrowed(text)),
        Kind::Bytea => pg_sys::BYTEAOID,
        Kind::Numeric => pg_sys::NUMERICOID,
        Kind::Date => pg_sys::DATEOID,
        Kind::Jsonb => pg_sys::JSONBOID,
    };
    let text = CString::new(text).map_err(|_| Error::envelope_broken())?;
    // SAFETY: types of the server with their own input and output functions; what they return is copied.
    unsafe {
        let (mut read, mut write) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        let mut element = pg_sys::InvalidOid;
        let mut is_varlena = false;
        pg_sys::getTypeInputInfo(own, &mut read, &mut element);
        pg_sys::getTypeOutputInfo(own, &mut write, &mut is_varlena);
        let value = pg_sys::OidInputFunctionCall(read, text.as_ptr().cast_mut(), element, -1);
        secret::wipe(&mut text.into_bytes());
        if kind == Kind::Bytea {
            return Ok(Cow::Owned(varlena(value).to_vec()));
        }
        // As ISO 8601 has it, whatever the client set.
        let style = pg_sys::DateStyle;
        pg_sys::DateStyle = pg_sys::USE_ISO_DATES as i32;
        let written = pg_sys::OidOutputFunctionCall(write, value);
        pg_sys::DateStyle = style;
        let canonical = CStr::from_ptr(written).to_bytes().to_vec();
        pg_sys::pfree(written.cast());
        Ok(Cow::Owned(canonical))
    }
}

/// A value for the server.
pub fn datum(value: Vec<u8>) -> Result<pg_sys::Datum> {
    value.into_datum().ok_or_else(Error::envelope_broken)
}

/// An argument that is an OID.
pub fn oid(arguments: &[pg_sys::NullableDatum], number: usize) -> pg_sys::Oid {
    pg_sys::Oid::from(arguments[number].value.value() as u32)
}

/// An argument that is an integer.
pub fn integer(arguments: &[pg_sys::NullableDatum], number: usize) -> i32 {
    arguments[number].value.value() as i32
}

/// The bytes of an argument, whole.
///
/// # Safety
/// It is a varlena.
pub unsafe fn bytes(arguments: &[pg_sys::NullableDatum], number: usize) -> &[u8] {
    // SAFETY: said above; it lives as long as the call.
    unsafe { varlena(arguments[number].value) }
}

unsafe fn varlena<'a>(value: pg_sys::Datum) -> &'a [u8] {
    use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, varlena_to_byte_slice};
    let value = value.cast_mut_ptr::<pg_sys::varlena>();
    // SAFETY: a varlena; what was compressed or lies elsewhere is fetched into the memory of the call, and what is here, as most is, is read without a call.
    unsafe {
        let is_here = varatt_is_4b_u(value) || varatt_is_1b(value) && !varatt_is_1b_e(value);
        varlena_to_byte_slice(if is_here {
            value
        } else {
            pg_sys::pg_detoast_datum_packed(value)
        })
    }
}
