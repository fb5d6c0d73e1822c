//! Keys of hierarchies as values of columns, and the other way: which types there are, and how they are written.

use super::written::{Digits, uuid, uuid_bytes};
use pgrx::pg_sys;
use std::ffi::CStr;

/// How a value becomes the text that keys are compared with. Types whose text the settings of the caller shape (DateStyle,
/// extra_float_digits, search_path, …) have no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Padded,
    Small,
    Integer,
    Big,
    Uuid,
    Enumerated,
}

impl Form {
    /// All, by their numbers.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Padded,
        Self::Small,
        Self::Integer,
        Self::Big,
        Self::Uuid,
        Self::Enumerated,
    ];

    /// The form of a type, or of what a domain is over; as `sql/query/hierarchy/predicate.sql` has it.
    pub fn of(kind: pg_sys::Oid) -> Option<Self> {
        if kind == pg_sys::InvalidOid {
            return None;
        }
        // SAFETY: reads the cache of types.
        let base = unsafe { pg_sys::getBaseType(kind) };
        match base {
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Some(Self::Text),
            pg_sys::BPCHAROID => Some(Self::Padded),
            pg_sys::INT2OID => Some(Self::Small),
            pg_sys::INT4OID => Some(Self::Integer),
            pg_sys::INT8OID => Some(Self::Big),
            pg_sys::UUIDOID => Some(Self::Uuid),
            // SAFETY: as above.
            _ => unsafe { pg_sys::type_is_enum(base) }.then_some(Self::Enumerated),
        }
    }

    /// The array type whose elements an index on a column of this form is asked for.
    pub fn array(self) -> Option<pg_sys::Oid> {
        match self {
            Self::Text => Some(pg_sys::TEXTARRAYOID),
            Self::Padded => Some(pg_sys::BPCHARARRAYOID),
            Self::Small => Some(pg_sys::INT2ARRAYOID),
            Self::Integer => Some(pg_sys::INT4ARRAYOID),
            Self::Big => Some(pg_sys::INT8ARRAYOID),
            Self::Uuid => Some(pg_sys::UUIDARRAYOID),
            Self::Enumerated => None,
        }
    }

    /// Gives the value to `work` as text.
    ///
    /// # Safety
    /// The value is of the type that the form was made for, which the function is called with.
    pub unsafe fn with_text<R>(
        self,
        function: *mut pg_sys::FmgrInfo,
        value: pg_sys::Datum,
        work: impl FnOnce(&[u8]) -> R,
    ) -> R {
        // SAFETY: the value is of the type that the form was made for.
        unsafe {
            match self {
                Self::Text => work(text(value)),
                Self::Padded => {
                    let key = text(value);
                    let length = key
                        .iter()
                        .rposition(|letter| *letter != b' ')
                        .map_or(0, |last| last + 1);
                    work(&key[..length])
                }
                Self::Small => work(Digits::of(i64::from(value.value() as i16)).text()),
                Self::Integer => work(Digits::of(i64::from(value.value() as i32)).text()),
                Self::Big => work(Digits::of(value.value() as i64).text()),
                Self::Uuid => work(&uuid(&*value.cast_mut_ptr::<[u8; 16]>())),
                Self::Enumerated => {
                    let kind = pg_sys::get_fn_expr_argtype(function, 1);
                    let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
                    pg_sys::getTypeOutputInfo(kind, &mut output, &mut is_varlena);
                    let words = pg_sys::OidOutputFunctionCall(output, value);
                    work(CStr::from_ptr(words).to_bytes())
                }
            }
        }
    }

    /// A key as a value of a type; `None` for one that no value of the type is written as.
    ///
    /// # Safety
    /// Made in the current memory context.
    pub unsafe fn value(self, key: &[u8]) -> Option<pg_sys::Datum> {
        let number = || -> Option<i64> {
            let number: i64 = std::str::from_utf8(key).ok()?.parse().ok()?;
            (Digits::of(number).text() == key).then_some(number)
        };
        // SAFETY: makes values in the current memory context.
        unsafe {
            match self {
                Self::Text | Self::Padded => {
                    let text = pg_sys::cstring_to_text_with_len(key.as_ptr().cast(), key.len() as i32);
                    Some(pg_sys::Datum::from(text))
                }
                Self::Small => Some(pg_sys::Datum::from(i16::try_from(number()?).ok()?)),
                Self::Integer => Some(pg_sys::Datum::from(i32::try_from(number()?).ok()?)),
                Self::Big => Some(pg_sys::Datum::from(number()?)),
                Self::Uuid => {
                    let bytes = uuid_bytes(key)?;
                    let copy = pg_sys::palloc(16).cast::<[u8; 16]>();
                    copy.write(bytes);
                    Some(pg_sys::Datum::from(copy))
                }
                Self::Enumerated => None,
            }
        }
    }
}

/// The bytes of a text, varchar or char.
unsafe fn text<'a>(value: pg_sys::Datum) -> &'a [u8] {
    use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, vardata_any, varsize_any_exhdr};
    // SAFETY: the value is a varlena; what is stored whole and uncompressed is read where it lies, which spares a call into the server
    // for every row; detoasting makes a copy in the memory of the row.
    unsafe {
        let mut packed = value.cast_mut_ptr::<pg_sys::varlena>();
        let is_plain = (varatt_is_1b(packed) && !varatt_is_1b_e(packed)) || varatt_is_4b_u(packed);
        if !is_plain {
            packed = pg_sys::pg_detoast_datum_packed(packed);
        }
        std::slice::from_raw_parts(vardata_any(packed).cast(), varsize_any_exhdr(packed))
    }
}
