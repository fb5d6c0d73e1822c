//! The sealed types as the server sees them: input and output, the modifier, the cast to it, comparisons and hashes. Raw, because the server calls them
//! for every value, and because a modifier is a number that only the server hands on.
//!
//! It holds no key and decides nothing: the table of questions seals, opens and compares. Here is only what the server's own types make of a text.

use super::list::length;
use super::readiness::is_ready;
use super::relation::Opened;
use super::table::table;
use super::xact;
use crate::error::{Error, Result};
use pgrx::{IntoDatum, pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_int};
use vpd_text::sealed::Kind;

// Exported by the server, declared here because the bindings leave them out.
unsafe extern "C-unwind" {
    fn hash_bytes(key: *const u8, length: c_int) -> u32;
    fn hash_bytes_extended(key: *const u8, length: c_int, seed: u64) -> u64;
}

/// A function of the types: its name in the library, how many arguments it has, and what it does with them. None is NULL: they are strict.
macro_rules! functions {
    ($($(#[$comment:meta])* $name:ident ($finfo:ident, $count:literal) = $body:expr;)+) => {
        $(
            finfo!($finfo);

            $(#[$comment])*
            ///
            /// # Safety
            /// The server calls it with its arguments, none of which is NULL.
            #[unsafe(no_mangle)]
            #[pg_guard]
            pub unsafe extern "C-unwind" fn $name(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
                let work: unsafe fn(&[pg_sys::NullableDatum]) -> Result<pg_sys::Datum> = $body;
                // SAFETY: the call has so many arguments, as declared.
                let answer = unsafe {
                    (*call).isnull = false;
                    if is_ready() {
                        work((*call).args.as_slice($count))
                    } else {
                        Err(Error::not_active())
                    }
                };
                answer.unwrap_or_else(|error| error.raise())
            }
        )+
    };
}

functions! {
    /// `(internal, oid, integer)`: the same from the binary protocol, whose form is the text's.
    sealed_recv_wrapper (pg_finfo_sealed_recv_wrapper, 3) = |arguments| unsafe {
        let message = arguments[0].value.cast_mut_ptr::<pg_sys::StringInfoData>();
        let mut length = 0;
        let text = pg_sys::pq_getmsgtext(message, (*message).len - (*message).cursor, &mut length);
        input(CStr::from_ptr(text), oid(arguments, 1), integer(arguments, 2))
    };
    /// `(sealed) → cstring`.
    sealed_out_wrapper (pg_finfo_sealed_out_wrapper, 1) = |arguments| unsafe {
        let shown = (table().sealing.shown)(bytes(arguments, 0))?;
        let text = CString::new(shown).map_err(|_| Error::envelope_broken())?;
        Ok(pg_sys::Datum::from(pg_sys::pstrdup(text.as_ptr())))
    };
    /// `(sealed) → bytea`: the binary protocol.
    sealed_send_wrapper (pg_finfo_sealed_send_wrapper, 1) = |arguments| unsafe {
        let shown = (table().sealing.shown)(bytes(arguments, 0))?;
        let mut message = pg_sys::StringInfoData::default();
        pg_sys::pq_begintypsend(&mut message);
        pg_sys::pq_sendtext(&mut message, shown.as_ptr().cast(), shown.len() as i32);
        Ok(pg_sys::Datum::from(pg_sys::pq_endtypsend(&mut message)))
    };
    /// `(cstring[]) → integer`: the modifier that a key, or a key and a column, has.
    sealed_modifier_in_wrapper (pg_finfo_sealed_modifier_in_wrapper, 1) = |arguments| unsafe {
        let words = words(arguments[0].value);
        Ok(pg_sys::Datum::from((table().sealing.modifier)(&words)?))
    };
    /// `(integer) → cstring`: its text.
    sealed_modifier_out_wrapper (pg_finfo_sealed_modifier_out_wrapper, 1) = |arguments| unsafe {
        let text = (table().sealing.modifier_text)(integer(arguments, 0))?;
        let text = CString::new(text).unwrap_or_default();
        Ok(pg_sys::Datum::from(pg_sys::pstrdup(text.as_ptr())))
    };
    /// `(sealed, integer, boolean) → sealed`: the cast to a modifier, by which values come into columns.
    sealed_coerce_wrapper (pg_finfo_sealed_coerce_wrapper, 3) = |arguments| unsafe {
        let is_explicit = arguments[2].value.value() != 0;
        datum((table().sealing.coerced)(bytes(arguments, 0), integer(arguments, 1), is_explicit)?)
    };
    /// `(sealed, integer) → sealed`: what a literal is compared by with a column of this modifier.
    sealed_tagged_wrapper (pg_finfo_sealed_tagged_wrapper, 2) = |arguments| unsafe {
        datum((table().sealing.tagged)(bytes(arguments, 0), integer(arguments, 1))?)
    };
    sealed_eq_wrapper (pg_finfo_sealed_eq_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_eq()) };
    sealed_ne_wrapper (pg_finfo_sealed_ne_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_ne()) };
    sealed_lt_wrapper (pg_finfo_sealed_lt_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_lt()) };
    sealed_le_wrapper (pg_finfo_sealed_le_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_le()) };
    sealed_ge_wrapper (pg_finfo_sealed_ge_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_ge()) };
    sealed_gt_wrapper (pg_finfo_sealed_gt_wrapper, 2) = |arguments| unsafe { compared(arguments, |order| order.is_gt()) };
    /// `<` and its kin.
    sealed_unordered_wrapper (pg_finfo_sealed_unordered_wrapper, 2) = |_arguments| Err(Error::not_ordered());
    /// The order of a btree: that of tags, which means nothing to anybody.
    sealed_cmp_wrapper (pg_finfo_sealed_cmp_wrapper, 2) = |arguments| unsafe {
        let order = (table().sealing.order)(bytes(arguments, 0), bytes(arguments, 1))?;
        Ok(pg_sys::Datum::from(order as i32))
    };
    /// The hash of a value: of its tag.
    sealed_hash_wrapper (pg_finfo_sealed_hash_wrapper, 1) = |arguments| unsafe {
        let key = (table().sealing.hashed)(bytes(arguments, 0))?;
        Ok(pg_sys::Datum::from(guarded!(hash_bytes(key.as_ptr(), key.len() as i32))))
    };
    /// The same with a seed.
    sealed_hash_extended_wrapper (pg_finfo_sealed_hash_extended_wrapper, 2) = |arguments| unsafe {
        let key = (table().sealing.hashed)(bytes(arguments, 0))?;
        let seed = arguments[1].value.value() as u64;
        Ok(pg_sys::Datum::from(guarded!(hash_bytes_extended(key.as_ptr(), key.len() as i32, seed))))
    };
    /// `(sealed) → text`: the value, or an error where the session may not see it.
    sealed_open_wrapper (pg_finfo_sealed_open_wrapper, 1) = |arguments| unsafe {
        let opened = (table().sealing.opened)(bytes(arguments, 0))?;
        opened.into_datum().ok_or_else(Error::envelope_broken)
    };
}

/// A sealed column.
pub struct Column {
    pub attribute: i16,
    pub kind: Kind,
    /// Key or column, as its type has it.
    pub modifier: i32,
}

/// The sealed columns of a relation, which is locked.
pub fn columns(relation: pg_sys::Oid) -> Vec<Column> {
    let opened = Opened::any(relation, pg_sys::NoLock);
    // SAFETY: the description of an open relation.
    unsafe {
        let description = &*(*opened.relation()).rd_att;
        let attributes = description
            .attrs
            .as_slice(usize::try_from(description.natts).unwrap_or_default());
        attributes
            .iter()
            .filter(|column| !column.attisdropped && column.atttypid.to_u32() >= pg_sys::FirstNormalObjectId)
            .filter_map(|column| {
                kind_of(column.atttypid).map(|kind| Column {
                    attribute: column.attnum,
                    kind,
                    modifier: column.atttypmod,
                })
            })
            .collect()
    }
}

/// Refuses a relation that was just made, by a query for instance, when it would store values that no key has sealed. Not yet visible in the catalogue, it
/// is in the server's cache.
pub(super) fn check_made(relation: pg_sys::Oid) {
    // SAFETY: an entry of the cache is described by itself; one that is not there gives NULL.
    unsafe {
        let made = pg_sys::RelationIdGetRelation(relation);
        if made.is_null() {
            return;
        }
        let kind = (*(*made).rd_rel).relkind as u8;
        let stores = [
            pg_sys::RELKIND_RELATION,
            pg_sys::RELKIND_PARTITIONED_TABLE,
            pg_sys::RELKIND_MATVIEW,
            pg_sys::RELKIND_FOREIGN_TABLE,
        ]
        .contains(&kind);
        let description = &*(*made).rd_att;
        let columns = description
            .attrs
            .as_slice(usize::try_from(description.natts).unwrap_or_default());
        let is_open = stores
            && columns
                .iter()
                .any(|column| is_sealed(column.atttypid) && !is_place(column.atttypmod));
        pg_sys::RelationClose(made);
        if is_open {
            Error::key_not_named().raise();
        }
    }
}

/// A sealed type, or an array of one.
fn is_sealed(type_oid: pg_sys::Oid) -> bool {
    // SAFETY: a look-up in the catalogue; what is no array gives InvalidOid.
    type_oid.to_u32() >= pg_sys::FirstNormalObjectId
        && (kind_of(type_oid).is_some() || unsafe { kind_of(pg_sys::get_element_type(type_oid)) }.is_some())
}

/// A modifier that stands for a column.
fn is_place(modifier: i32) -> bool {
    (1..1 << 30).contains(&modifier)
}

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
        if is_literal && modifier < 0 && DEFINING.get().is_some() {
            Error::literal_kept().raise();
        }
        let text = CStr::from_ptr(arguments[0].value.cast_mut_ptr());
        input(text, oid(arguments, 1), modifier).unwrap_or_else(|error| error.raise())
    }
}

thread_local! {
    /// The level of the transaction in which a command runs that stores expressions.
    static DEFINING: Cell<Option<i32>> = const { Cell::new(None) };
}

/// A command that stores expressions is about to run: the literals in it would be kept.
pub(super) fn definition_begins() {
    DEFINING.set(Some(xact::nest_level()));
}

/// It has run.
pub(super) fn definition_over() {
    DEFINING.set(None);
}

/// The transaction goes back to before a savepoint of this level, or is over (level 0).
pub(super) fn definition_aborted(level: i32) {
    if DEFINING.get().is_some_and(|defining| defining >= level) {
        DEFINING.set(None);
    }
}

/// What was sealed, by the OID of a type; `None` for any other type.
pub fn kind_of(type_oid: pg_sys::Oid) -> Option<Kind> {
    // SAFETY: the row is held while its fixed columns are read.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, type_oid.into());
        if row.is_null() {
            return None;
        }
        let form = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_type>();
        let name = CStr::from_ptr(form.typname.data.as_ptr());
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.type_name().as_bytes() == name.to_bytes());
        let is_ours = kind.is_some() && form.typnamespace == pg_sys::get_namespace_oid(c"vpd".as_ptr(), true);
        pg_sys::ReleaseSysCache(row);
        kind.filter(|_| is_ours)
    }
}

/// The bytes that a value of the server's own type is sealed as: one form for equal texts of the kind. An error of its input function passes.
///
/// # Safety
/// Inside a transaction.
unsafe fn canonical(kind: Kind, text: &CStr) -> Vec<u8> {
    let own = match kind {
        Kind::Text => return text.to_bytes().to_vec(),
        Kind::Bytea => pg_sys::BYTEAOID,
        Kind::Numeric => pg_sys::NUMERICOID,
        Kind::Date => pg_sys::DATEOID,
        Kind::Jsonb => pg_sys::JSONBOID,
    };
    // SAFETY: types of the server with their own input and output functions; what they return is copied.
    unsafe {
        let (mut read, mut write) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        let mut element = pg_sys::InvalidOid;
        let mut is_varlena = false;
        pg_sys::getTypeInputInfo(own, &mut read, &mut element);
        pg_sys::getTypeOutputInfo(own, &mut write, &mut is_varlena);
        let value = pg_sys::OidInputFunctionCall(read, text.as_ptr().cast_mut(), element, -1);
        if kind == Kind::Bytea {
            return varlena(value).to_vec();
        }
        // As ISO 8601 has it, whatever the client set.
        let style = pg_sys::DateStyle;
        pg_sys::DateStyle = pg_sys::USE_ISO_DATES as i32;
        let written = pg_sys::OidOutputFunctionCall(write, value);
        pg_sys::DateStyle = style;
        let canonical = CStr::from_ptr(written).to_bytes().to_vec();
        pg_sys::pfree(written.cast());
        canonical
    }
}

unsafe fn input(text: &CStr, type_oid: pg_sys::Oid, modifier: i32) -> Result<pg_sys::Datum> {
    let kind = kind_of(type_oid).ok_or_else(Error::envelope_broken)?;
    let sealing = &table().sealing;
    if let Some(envelope) = (sealing.envelope)(text.to_bytes())? {
        return datum((sealing.taken)(envelope, kind, modifier)?);
    }
    // SAFETY: an input function runs inside a transaction.
    let mut plain = unsafe { canonical(kind, text) };
    let sealed = (sealing.sealed)(kind, &plain, modifier);
    super::secret::wipe(&mut plain);
    datum(sealed?)
}

unsafe fn compared(
    arguments: &[pg_sys::NullableDatum],
    holds: impl FnOnce(std::cmp::Ordering) -> bool,
) -> Result<pg_sys::Datum> {
    // SAFETY: both are values of sealed types.
    let order = unsafe { (table().sealing.order)(bytes(arguments, 0), bytes(arguments, 1))? };
    Ok(pg_sys::Datum::from(holds(order)))
}

fn datum(value: Vec<u8>) -> Result<pg_sys::Datum> {
    value.into_datum().ok_or_else(Error::envelope_broken)
}

unsafe fn oid(arguments: &[pg_sys::NullableDatum], number: usize) -> pg_sys::Oid {
    pg_sys::Oid::from(arguments[number].value.value() as u32)
}

unsafe fn integer(arguments: &[pg_sys::NullableDatum], number: usize) -> i32 {
    arguments[number].value.value() as i32
}

/// The bytes of a value, whole.
unsafe fn bytes(arguments: &[pg_sys::NullableDatum], number: usize) -> &[u8] {
    // SAFETY: a value of a sealed type, which is a varlena; it lives as long as the call.
    unsafe { varlena(arguments[number].value) }
}

unsafe fn varlena<'a>(value: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: a varlena; what was compressed or lies elsewhere is fetched into the memory of the call.
    unsafe { pgrx::varlena::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr())) }
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

/// Names the column in the types of a definition that name a key alone: `vpd.sealed_text('pii')` becomes `vpd.sealed_text('pii', '71230')`, so that what is
/// sealed for one column is good for no other. Refuses a type without a key.
///
/// # Safety
/// The name of a type in a statement, which may be changed.
pub(super) unsafe fn name_column(name: *mut pg_sys::TypeName) {
    // SAFETY: a look-up of the type alone, without its modifier; the list of words is replaced by a new one.
    unsafe {
        if name.is_null() || (*name).names.is_null() || (*name).pct_type {
            return;
        }
        let bounds = std::mem::replace(&mut (*name).arrayBounds, std::ptr::null_mut());
        let found = pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true);
        (*name).arrayBounds = bounds;
        if kind_of(found).is_none() {
            return;
        }
        match length((*name).typmods) {
            0 => Error::key_not_named().raise(),
            1 => {
                let mut modifier = -1;
                let mut found = pg_sys::InvalidOid;
                pg_sys::typenameTypeIdAndMod(std::ptr::null_mut(), name, &mut found, &mut modifier);
                let place = (table().sealing.new_place)(modifier).unwrap_or_else(|error| error.raise());
                (*name).typmods = pg_sys::lappend((*name).typmods, word(&place.to_string()).cast());
            }
            _ => (),
        }
    }
}

/// A word between the brackets of a modifier.
unsafe fn word(text: &str) -> *mut pg_sys::ColumnRef {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: palloc'd in the context of the statement.
    unsafe {
        let column = pg_sys::palloc0(std::mem::size_of::<pg_sys::ColumnRef>()).cast::<pg_sys::ColumnRef>();
        (*column).type_ = pg_sys::NodeTag::T_ColumnRef;
        (*column).location = -1;
        (*column).fields = pg_sys::lappend(
            std::ptr::null_mut(),
            pg_sys::makeString(pg_sys::pstrdup(text.as_ptr())).cast(),
        );
        column
    }
}
