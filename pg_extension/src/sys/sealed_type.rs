//! The sealed types as the server sees them: input and output, the modifier, the cast to it, comparisons and hashes. Raw, because the server calls them
//! for every value, and because a modifier is a number that only the server hands on.
//!
//! It holds no key and decides nothing: the table of questions seals, opens and compares. Here is only what the server's own types make of a text.

mod definition;
mod incoming;

pub(super) use super::sealed_column::is_sealed;
pub use super::sealed_column::{Column, FIRST_OF_KEYS, columns, kind_of};
pub(super) use definition::{
    check_made, check_not_about_persons, check_row_type, definition_aborted, definition_begins,
    definition_over, name_column, refuse,
};

use super::readiness::is_ready;
use super::table::table;
use crate::error::{Error, Result};
use incoming::{bytes, datum, input, integer, oid};
use pgrx::{FromDatum, IntoDatum, pg_guard, pg_sys};
use std::ffi::{CStr, CString, c_int};

// Exported by the server, declared here because the bindings leave them out.
unsafe extern "C-unwind" {
    fn hash_bytes(key: *const u8, length: c_int) -> u32;
    fn std_typanalyze(column: *mut pg_sys::VacAttrStats) -> bool;
    fn hash_bytes_extended(key: *const u8, length: c_int, seed: u64) -> u64;
}

/// What a function of the types returns.
trait Answer {
    /// `None` for NULL.
    fn value(self) -> Option<pg_sys::Datum>;
}

impl Answer for pg_sys::Datum {
    fn value(self) -> Option<pg_sys::Datum> {
        Some(self)
    }
}

impl Answer for Option<pg_sys::Datum> {
    fn value(self) -> Self {
        self
    }
}

/// A function of the types: its name in the library, how many arguments it has, and what it does with them. None is NULL where nothing is said: they are strict.
macro_rules! functions {
    ($($(#[$comment:meta])* $name:ident ($finfo:ident, $count:literal) = |$arguments:ident| $body:expr;)+) => {
        $(
            finfo!($finfo);

            $(#[$comment])*
            ///
            /// # Safety
            /// The server calls it with its arguments.
            #[unsafe(no_mangle)]
            #[pg_guard]
            pub unsafe extern "C-unwind" fn $name(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
                unsafe fn work($arguments: &[pg_sys::NullableDatum]) -> Result<impl Answer> {
                    // SAFETY: the arguments are of the types that are declared, which the comment of the function names.
                    unsafe { $body }
                }
                // SAFETY: the call has so many arguments, as declared.
                unsafe {
                    if !is_ready() {
                        Error::not_active().raise();
                    }
                    let answer = work((*call).args.as_slice($count)).unwrap_or_else(|error| error.raise());
                    let value = answer.value();
                    (*call).isnull = value.is_none();
                    value.unwrap_or(pg_sys::Datum::from(0))
                }
            }
        )+
    };
}

functions! {
    /// `(internal, oid, integer)`: the same from the binary protocol, whose form is the text's.
    sealed_recv_wrapper (pg_finfo_sealed_recv_wrapper, 3) = |arguments| {
        let message = arguments[0].value.cast_mut_ptr::<pg_sys::StringInfoData>();
        let mut length = 0;
        let text = pg_sys::pq_getmsgtext(message, (*message).len - (*message).cursor, &mut length);
        input(CStr::from_ptr(text).to_bytes(), oid(arguments, 1), integer(arguments, 2))
    };
    /// `(sealed) → cstring`.
    sealed_out_wrapper (pg_finfo_sealed_out_wrapper, 1) = |arguments| {
        let shown = (table().sealing.shown)(bytes(arguments, 0))?;
        let text = CString::new(shown).map_err(|_| Error::envelope_broken())?;
        Ok(pg_sys::Datum::from(pg_sys::pstrdup(text.as_ptr())))
    };
    /// `(sealed) → bytea`: the binary protocol.
    sealed_send_wrapper (pg_finfo_sealed_send_wrapper, 1) = |arguments| {
        let shown = (table().sealing.shown)(bytes(arguments, 0))?;
        let mut message = pg_sys::StringInfoData::default();
        pg_sys::pq_begintypsend(&mut message);
        pg_sys::pq_sendtext(&mut message, shown.as_ptr().cast(), shown.len() as i32);
        Ok(pg_sys::Datum::from(pg_sys::pq_endtypsend(&mut message)))
    };
    /// `(cstring[]) → integer`: the modifier that a key, or a key and a column, has.
    sealed_modifier_in_wrapper (pg_finfo_sealed_modifier_in_wrapper, 1) = |arguments| {
        let words = words(arguments[0].value);
        Ok(pg_sys::Datum::from((table().sealing.modifier)(&words)?))
    };
    /// `(integer) → cstring`: its text.
    sealed_modifier_out_wrapper (pg_finfo_sealed_modifier_out_wrapper, 1) = |arguments| {
        let text = (table().sealing.modifier_text)(integer(arguments, 0))?;
        let text = CString::new(text).unwrap_or_default();
        Ok(pg_sys::Datum::from(pg_sys::pstrdup(text.as_ptr())))
    };
    /// `(sealed, integer, boolean) → sealed`: the cast to a modifier, by which values come into columns.
    sealed_coerce_wrapper (pg_finfo_sealed_coerce_wrapper, 3) = |arguments| {
        let is_explicit = arguments[2].value.value() != 0;
        datum((table().sealing.coerced)(bytes(arguments, 0), integer(arguments, 1), is_explicit)?)
    };
    /// `(sealed, integer) → sealed`: what a literal is compared by with a column of this modifier.
    sealed_tagged_wrapper (pg_finfo_sealed_tagged_wrapper, 2) = |arguments| {
        datum((table().sealing.tagged)(bytes(arguments, 0), integer(arguments, 1))?)
    };
    sealed_eq_wrapper (pg_finfo_sealed_eq_wrapper, 2) = |arguments| compared(arguments, |order| order.is_eq());
    sealed_ne_wrapper (pg_finfo_sealed_ne_wrapper, 2) = |arguments| compared(arguments, |order| order.is_ne());
    sealed_lt_wrapper (pg_finfo_sealed_lt_wrapper, 2) = |arguments| compared(arguments, |order| order.is_lt());
    sealed_le_wrapper (pg_finfo_sealed_le_wrapper, 2) = |arguments| compared(arguments, |order| order.is_le());
    sealed_ge_wrapper (pg_finfo_sealed_ge_wrapper, 2) = |arguments| compared(arguments, |order| order.is_ge());
    sealed_gt_wrapper (pg_finfo_sealed_gt_wrapper, 2) = |arguments| compared(arguments, |order| order.is_gt());
    /// The order of a btree: that of tags, which means nothing to anybody.
    sealed_cmp_wrapper (pg_finfo_sealed_cmp_wrapper, 2) = |arguments| {
        let order = (table().sealing.sorted)(bytes(arguments, 0), bytes(arguments, 1))?;
        Ok(pg_sys::Datum::from(order as i32))
    };
    /// The hash of a value: of its tag.
    sealed_hash_wrapper (pg_finfo_sealed_hash_wrapper, 1) = |arguments| {
        let key = (table().sealing.hashed)(bytes(arguments, 0))?;
        Ok(pg_sys::Datum::from(guarded!(hash_bytes(key.as_ptr(), key.len() as i32))))
    };
    /// The same with a seed.
    sealed_hash_extended_wrapper (pg_finfo_sealed_hash_extended_wrapper, 2) = |arguments| {
        let key = (table().sealing.hashed)(bytes(arguments, 0))?;
        let seed = arguments[1].value.value() as u64;
        Ok(pg_sys::Datum::from(guarded!(hash_bytes_extended(key.as_ptr(), key.len() as i32, seed))))
    };
    /// `(internal) → boolean`: what ANALYZE does with a column; one whose values cannot be compared is passed over.
    sealed_analyze_wrapper (pg_finfo_sealed_analyze_wrapper, 1) = |arguments| {
        let column = arguments[0].value.cast_mut_ptr::<pg_sys::VacAttrStats>();
        let modifier = (*column).attrtypmod;
        let is_comparable = (table().sealing.comparable)(modifier, modifier).is_ok();
        Ok(pg_sys::Datum::from(is_comparable && guarded!(std_typanalyze(column))))
    };
    /// `(sealed) → text`: the value, or an error where the session may not see it; NULL where it was about somebody who was forgotten.
    sealed_open_wrapper (pg_finfo_sealed_open_wrapper, 1) = |arguments| {
        let opened = (table().sealing.opened)(bytes(arguments, 0))?;
        Ok(opened.and_then(|text| text.into_datum()))
    };
    /// `(sealed) → integer`: the version of the key that sealed it; -1 where that is a former one and nobody can read it any more, NULL where it is not sealed.
    sealed_version_wrapper (pg_finfo_sealed_version_wrapper, 1) = |arguments| {
        let version = (table().sealing.version)(bytes(arguments, 0))?;
        Ok(version.and_then(|version| version.into_datum()))
    };
    /// `(sealed, text) → boolean`: whether a value is about the person of this name. Both may be NULL.
    sealed_is_about_wrapper (pg_finfo_sealed_is_about_wrapper, 2) = |arguments| {
        if arguments[0].isnull {
            return Ok(None);
        }
        let name = text(arguments, 1);
        (table().sealing.is_about)(bytes(arguments, 0), name.as_deref())?;
        Ok(Some(pg_sys::Datum::from(true)))
    };
    /// `(sealed, text, text) → boolean`: whether a value is about another person than the one of this name, for a command that has the permit. All may be NULL.
    sealed_differs_wrapper (pg_finfo_sealed_differs_wrapper, 3) = |arguments| {
        if arguments[0].isnull {
            return Ok(None);
        }
        let (name, permit) = (text(arguments, 1), text(arguments, 2).unwrap_or_default());
        (table().sealing.differs)(bytes(arguments, 0), name.as_deref(), &permit).map(|differs| differs.into_datum())
    };
    /// `(sealed, text) → text`: the value, for the command that opens its column and has the permit. Both may be NULL.
    sealed_opened_wrapper (pg_finfo_sealed_opened_wrapper, 2) = |arguments| {
        if arguments[0].isnull {
            return Ok(None);
        }
        let permit = text(arguments, 1).unwrap_or_default();
        (table().sealing.opened_in_column)(bytes(arguments, 0), &permit).map(|opened| opened.and_then(|text| text.into_datum()))
    };
    /// `(sealed, text, text) → sealed`: the same value sealed anew, about the person of this name, for a command that has the permit. All may be NULL.
    sealed_renewed_wrapper (pg_finfo_sealed_renewed_wrapper, 3) = |arguments| {
        if arguments[0].isnull {
            return Ok(None);
        }
        let (name, permit) = (text(arguments, 1), text(arguments, 2).unwrap_or_default());
        datum((table().sealing.renewed)(bytes(arguments, 0), name.as_deref(), &permit)?).map(Some)
    };
}

finfo!(pg_finfo_sealed_mask_wrapper);

/// `(text, anyelement) → anyelement`: the mask of a key as a value of the sealed type of the second argument. Any other type is refused: what is returned is
/// read as one of it.
///
/// # Safety
/// The server calls it with its two arguments.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sealed_mask_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, as declared; the type of the second is known where an expression calls.
    unsafe {
        (*call).isnull = false;
        if !is_ready() {
            Error::not_active().raise();
        }
        let arguments = (*call).args.as_slice(2);
        let kind = kind_of(pg_sys::get_fn_expr_argtype((*call).flinfo, 1));
        let key = text(arguments, 0);
        let (Some(_), Some(key)) = (kind, key) else {
            Error::argument(
                "a mask is that of a key, for a sealed type",
                "Give NULL as a value of a sealed type.",
            )
            .raise();
        };
        (table().sealing.mask)(&key)
            .and_then(datum)
            .unwrap_or_else(|error| error.raise())
    }
}

unsafe fn compared(
    arguments: &[pg_sys::NullableDatum],
    holds: impl FnOnce(std::cmp::Ordering) -> bool,
) -> Result<pg_sys::Datum> {
    // SAFETY: both are values of sealed types.
    let order = unsafe { (table().sealing.order)(bytes(arguments, 0), bytes(arguments, 1))? };
    Ok(pg_sys::Datum::from(holds(order)))
}

/// A text, or `None` for NULL.
unsafe fn text(arguments: &[pg_sys::NullableDatum], number: usize) -> Option<String> {
    // SAFETY: an argument of the type text.
    unsafe { String::from_datum(arguments[number].value, arguments[number].isnull) }
}

/// The words between the brackets of a modifier.
unsafe fn words(array: pg_sys::Datum) -> Vec<String> {
    // SAFETY: an array of cstrings without NULLs, as the parser makes it.
    unsafe {
        let mut elements: *mut pg_sys::Datum = std::ptr::null_mut();
        let mut count = 0;
        pg_sys::deconstruct_array(
            pg_sys::pg_detoast_datum(array.cast_mut_ptr()).cast(),
            pg_sys::CSTRINGOID,
            -2,
            false,
            b'c' as std::ffi::c_char,
            &mut elements,
            std::ptr::null_mut(),
            &mut count,
        );
        (0..usize::try_from(count).unwrap_or_default())
            .map(|number| {
                CStr::from_ptr((*elements.add(number)).cast_mut_ptr())
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }
}
