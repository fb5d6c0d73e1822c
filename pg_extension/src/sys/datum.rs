//! Values on their way between this library and columns, results and arguments that others define: the one door for both ways.
//!
//! A Datum says nothing of its type, and a type can change under every name or number that was kept: by ALTER TABLE … TYPE, or by a column
//! that is dropped and another of its name. Invariant: the type is looked up where the Datum is made or read, every time, and what is not one
//! of the types that are known here is refused and never guessed at.

use super::clock::Timestamp;
use super::document::Document;
use super::sealed_column::kind_of;
use crate::error::{Error, Result};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::{FromDatum, IntoDatum, Json, Uuid, pg_sys};
use std::ffi::{CStr, CString};

/// Something that a value of some types can be read as.
pub trait Readable: FromDatum {
    /// Types that are stored in just this form.
    const TYPES: &'static [pg_sys::Oid];
}

macro_rules! readable {
    ($($kind:ty: $($oid:ident),+;)+) => {
        $(impl Readable for $kind {
            const TYPES: &'static [pg_sys::Oid] = &[$(pg_sys::$oid),+];
        })+
    };
}

readable! {
    bool: BOOLOID;
    i16: INT2OID;
    i32: INT4OID;
    i64: INT8OID;
    f64: FLOAT8OID;
    pg_sys::Oid: OIDOID, REGCLASSOID, REGPROCEDUREOID, REGPROCOID, REGROLEOID, REGTYPEOID, REGNAMESPACEOID;
    String: TEXTOID, VARCHAROID, BPCHAROID;
    Uuid: UUIDOID;
    Interval: INTERVALOID;
    TimestampWithTimeZone: TIMESTAMPTZOID;
    Json: JSONOID;
    Document: JSONBOID;
    Vec<u8>: BYTEAOID;
    Vec<i16>: INT2ARRAYOID;
    Vec<i32>: INT4ARRAYOID;
    Vec<pg_sys::Oid>: OIDARRAYOID, REGCLASSARRAYOID;
    Vec<String>: TEXTARRAYOID, VARCHARARRAYOID;
    Vec<Option<String>>: TEXTARRAYOID, VARCHARARRAYOID;
}

/// Reads a value of a type; `None` for NULL. What cannot be read as that raises 42804.
///
/// # Safety
/// The value is of the type.
pub(super) unsafe fn read<T: Readable>(value: pg_sys::Datum, is_null: bool, kind: pg_sys::Oid) -> Option<T> {
    if is_null {
        return None;
    }
    require(kind, T::TYPES);
    // SAFETY: the caller's promise about the value, and the look at its type above.
    unsafe { T::from_polymorphic_datum(value, false, kind) }
}

/// The same for a moment.
///
/// # Safety
/// As for `read`.
pub(super) unsafe fn read_moment(
    value: pg_sys::Datum,
    is_null: bool,
    kind: pg_sys::Oid,
) -> Option<Timestamp> {
    if is_null {
        return None;
    }
    require(kind, TimestampWithTimeZone::TYPES);
    // A timestamptz is a 64-bit integer passed by value.
    Some(Timestamp(value.value() as i64))
}

/// A domain is stored as what it is over.
fn require(kind: pg_sys::Oid, types: &[pg_sys::Oid]) {
    // SAFETY: a look into the cache of types.
    if !types.contains(&kind) && !types.contains(&unsafe { pg_sys::getBaseType(kind) }) {
        Error::value_type(&type_name(kind)).raise()
    }
}

/// A column of a row, with the type that it has now.
#[derive(Clone, Copy)]
pub(super) struct Column<'a>(&'a pg_sys::FormData_pg_attribute);

impl<'a> Column<'a> {
    /// The column of a number; 42703 when it is gone.
    ///
    /// # Safety
    /// The description is a valid one and lives as long as the column is used.
    pub unsafe fn of(description: pg_sys::TupleDesc, number: i16) -> Result<Self> {
        // SAFETY: a description has as many columns as it says.
        let columns = unsafe { (*description).attrs.as_slice((*description).natts as usize) };
        usize::try_from(number)
            .ok()
            .and_then(|number| columns.get(number.checked_sub(1)?))
            .filter(|column| !column.attisdropped)
            .map(Self)
            .ok_or_else(Error::kept_column_gone)
    }

    /// Its name.
    pub fn name(&self) -> String {
        // SAFETY: a name is NUL-terminated.
        let name = unsafe { CStr::from_ptr(self.0.attname.data.as_ptr()) };
        name.to_string_lossy().into_owned()
    }

    /// The type of its values.
    pub fn kind(&self) -> pg_sys::Oid {
        self.0.atttypid
    }

    /// What its values are compared by.
    pub fn collation(&self) -> pg_sys::Oid {
        self.0.attcollation
    }

    /// Whether values are passed by value, and how long they are.
    pub fn form(&self) -> (bool, i32) {
        (self.0.attbyval, i32::from(self.0.attlen))
    }

    /// Whether the server computes it from others.
    pub fn is_generated(&self) -> bool {
        self.0.attgenerated != 0
    }

    /// A name for it: 42804 where it holds something else than text. Cut or refused as the column's length says.
    pub fn value_of_text(&self, text: &str) -> Result<pg_sys::Datum> {
        if !String::TYPES[..2].contains(&self.kind()) {
            return Err(self.is_not("text"));
        }
        Ok(self.input(text))
    }

    /// A moment for it: 42804 where it holds something else than moments.
    pub fn value_of_moment(&self, moment: Timestamp) -> Result<pg_sys::Datum> {
        if !TimestampWithTimeZone::TYPES.contains(&self.kind()) {
            return Err(self.is_not("timestamptz"));
        }
        Ok(pg_sys::Datum::from(moment.0))
    }

    /// A sealed value for it; 42804 when it is of no sealed type.
    pub fn value_of_sealed(&self, bytes: &[u8]) -> Result<pg_sys::Datum> {
        if kind_of(self.kind()).is_none() {
            return Err(self.is_not("a sealed type"));
        }
        bytes.into_datum().ok_or_else(Error::envelope_broken)
    }

    /// A value for it as it is written, and 42804 where no value reads and compares the same whatever a connection has set.
    pub fn value_as_written(&self, text: &str) -> Result<pg_sys::Datum> {
        self.require_plain()?;
        Ok(self.input(text))
    }

    /// 42804 where values do not read the same whatever a connection has set, or would run what somebody put into a domain.
    /// As `sql/query/segregation/column.sql` has it.
    pub fn require_plain(&self) -> Result<()> {
        const PLAIN: [pg_sys::Oid; 5] = [
            pg_sys::UUIDOID,
            pg_sys::INT2OID,
            pg_sys::INT4OID,
            pg_sys::INT8OID,
            pg_sys::NUMERICOID,
        ];
        let kind = self.kind();
        let (mut category, mut is_preferred) = (0, false);
        // SAFETY: looks into the cache of types; both out-pointers are valid.
        let is_domain = unsafe {
            pg_sys::get_type_category_preferred(kind, &mut category, &mut is_preferred);
            pg_sys::get_typtype(kind) as u8 == pg_sys::TYPTYPE_DOMAIN
        };
        if !is_domain && (PLAIN.contains(&kind) || matches!(category as u8, b'S' | b'B' | b'E')) {
            return Ok(());
        }
        Err(self.is_not("text, number, boolean, enum or uuid"))
    }

    /// 42804 where it is neither a name nor a moment.
    pub fn require_audit(&self) -> Result<()> {
        let kind = self.kind();
        if String::TYPES[..2].contains(&kind) || TimestampWithTimeZone::TYPES.contains(&kind) {
            return Ok(());
        }
        Err(self.is_not("text or timestamptz"))
    }

    fn is_not(&self, wanted: &str) -> Error {
        Error::kept_column_type(&self.name(), &type_name(self.kind()), wanted)
    }

    fn input(&self, text: &str) -> pg_sys::Datum {
        input(self.kind(), self.0.atttypmod, text)
    }
}

/// Raises the server's own error when a text is no value of a type.
pub fn check_value(kind: pg_sys::Oid, modifier: i32, text: &str) {
    input(kind, modifier, text);
}

fn input(kind: pg_sys::Oid, modifier: i32, text: &str) -> pg_sys::Datum {
    let text = CString::new(text).unwrap_or_default();
    let mut function = pg_sys::InvalidOid;
    let mut parameter = pg_sys::InvalidOid;
    // SAFETY: both out-pointers are valid; the input function is the type's own and copies the text.
    unsafe {
        pg_sys::getTypeInputInfo(kind, &mut function, &mut parameter);
        pg_sys::OidInputFunctionCall(function, text.as_ptr().cast_mut(), parameter, modifier)
    }
}

fn type_name(kind: pg_sys::Oid) -> String {
    // SAFETY: gives a palloc'd, NUL-terminated name, for a type that is gone too.
    unsafe { CStr::from_ptr(pg_sys::format_type_be(kind)) }
        .to_string_lossy()
        .into_owned()
}
