//! Row triggers written in this library: what a trigger is handed, what it may put in its place.
//!
//! Values go through `datum`, which looks at the type that a column has now: the numbers of columns that callers keep say nothing of it.

use super::clock::Timestamp;
use super::datum::Column;
use super::readiness::is_ready;
use super::sealed_column;
use crate::error::{Error, Result};
use pgrx::{FromDatum, pg_sys};
use std::ffi::CStr;

unsafe extern "C-unwind" {
    /// Whether two values of a type are the same, bit by bit, wherever they are stored.
    fn datum_image_eq(one: pg_sys::Datum, another: pg_sys::Datum, is_by_value: bool, length: i32) -> bool;
}

/// What the statement does to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Insert,
    Update,
    Delete,
}

/// Where a version of a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32, u16);

/// A row of the table that the trigger is on.
pub struct TableRow {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

/// What a trigger is handed.
pub struct RowTrigger {
    pub event: Event,
    /// The table itself, a partition of it included.
    pub relation: pg_sys::Oid,
    /// The row before; for an insert there is none.
    pub old: Option<TableRow>,
    /// The row as it will be or, after the fact, is; for a delete there is none.
    pub new: Option<TableRow>,
}

/// What goes into a column.
pub enum Assigned<'a> {
    Text(&'a str),
    Moment(Timestamp),
    /// A sealed value, for a column of a sealed type.
    Sealed(Vec<u8>),
    Null,
    /// What the row before has there.
    Former,
}

impl RowTrigger {
    /// # Safety
    /// `call` is the frame of a function call.
    pub(super) unsafe fn of_call(call: pg_sys::FunctionCallInfo, is_before: bool) -> Result<Self> {
        if !is_ready() {
            return Err(Error::not_active());
        }
        // SAFETY: a call as a trigger has TriggerData as its context, whose tag is looked at first.
        unsafe {
            let context = (*call).context;
            if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData {
                return Err(Error::not_ready(
                    "this function is a trigger",
                    "It is made by the functions of vpd.",
                ));
            }
            let data = &*context.cast::<pg_sys::TriggerData>();
            let is_row = data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0;
            let timing = data.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK;
            if !is_row || (timing == pg_sys::TRIGGER_EVENT_BEFORE) != is_before {
                return Err(Error::not_ready(
                    "this trigger was not made by vpd",
                    "Drop it, and call vpd.track_changes or vpd.protect_action.",
                ));
            }
            let descriptor = (*data.tg_relation).rd_att;
            let row = |tuple| Some(TableRow { tuple, descriptor });
            let (event, old, new) = match data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
                pg_sys::TRIGGER_EVENT_INSERT => (Event::Insert, None, row(data.tg_trigtuple)),
                pg_sys::TRIGGER_EVENT_UPDATE => {
                    (Event::Update, row(data.tg_trigtuple), row(data.tg_newtuple))
                }
                _ => (Event::Delete, row(data.tg_trigtuple), None),
            };
            Ok(Self {
                event,
                relation: (*data.tg_relation).rd_id,
                old,
                new,
            })
        }
    }

    /// What the trigger returns: the row as it is to be.
    pub(super) fn answer(&self) -> pg_sys::Datum {
        let row = self.new.as_ref().or(self.old.as_ref());
        row.map_or(pg_sys::Datum::from(0), |row| pg_sys::Datum::from(row.tuple))
    }

    /// Puts values into the row that is about to be stored; 42804 when a column is not what it was.
    pub fn assign(&mut self, values: &[(i16, Assigned<'_>)]) -> Result<()> {
        let Some(new) = &mut self.new else { return Ok(()) };
        let mut columns = Vec::with_capacity(values.len());
        let mut datums = Vec::with_capacity(values.len());
        let mut nulls = Vec::with_capacity(values.len());
        for (number, value) in values {
            let column = new.column(*number)?;
            let datum = match value {
                Assigned::Text(text) => Some(column.value_of_text(text)?),
                Assigned::Moment(moment) => Some(column.value_of_moment(*moment)?),
                Assigned::Sealed(bytes) => Some(column.value_of_sealed(bytes)?),
                Assigned::Null => None,
                // Both rows have the form of the one table.
                Assigned::Former => self.old.as_ref().and_then(|old| old.datum(*number)),
            };
            columns.push(i32::from(*number));
            nulls.push(datum.is_none());
            datums.push(datum.unwrap_or(pg_sys::Datum::from(0)));
        }
        // SAFETY: three arrays of one length, for columns of the table, each value made for the type of its column; the result lives as long as
        // what the trigger was handed.
        new.tuple = unsafe {
            pg_sys::heap_modify_tuple_by_cols(
                new.tuple,
                new.descriptor,
                columns.len() as i32,
                columns.as_mut_ptr(),
                datums.as_mut_ptr(),
                nulls.as_mut_ptr(),
            )
        };
        Ok(())
    }
}

impl<'a> Assigned<'a> {
    /// A name, or that there is none.
    pub fn person(name: Option<&'a str>) -> Self {
        name.map_or(Self::Null, Self::Text)
    }
}

impl TableRow {
    /// Where it lies; for one that is not stored yet, nowhere in particular.
    pub fn place(&self) -> Place {
        // SAFETY: the tuple is valid while the trigger runs.
        let place = unsafe { (*self.tuple).t_self };
        let block = (u32::from(place.ip_blkid.bi_hi) << 16) | u32::from(place.ip_blkid.bi_lo);
        Place(block, place.ip_posid)
    }

    /// The value of an audit column as text; `None` for NULL, 42804 when the column is not what it was.
    pub fn audit_text(&self, number: i16) -> Result<Option<String>> {
        let column = self.column(number)?;
        column.require_audit()?;
        Ok(self.written(number))
    }

    /// The value of a column of a key; `None` for NULL, 42804 when the column is not what it was.
    pub fn key_text(&self, number: i16) -> Result<Option<String>> {
        let column = self.column(number)?;
        column.require_plain()?;
        Ok(self.written(number))
    }

    /// The sealed columns of the row: number, modifier and value of each that is not NULL.
    pub fn sealed(&self) -> Vec<(i16, i32, Vec<u8>)> {
        // SAFETY: the descriptor lives while the trigger runs; values of sealed types are varlenas, copied whole.
        unsafe {
            sealed_column::columns_of(self.descriptor)
                .into_iter()
                .filter_map(|column| {
                    let value = Vec::<u8>::from_datum(self.datum(column.attribute)?, false)?;
                    Some((column.attribute, column.modifier, value))
                })
                .collect()
        }
    }

    /// True when a column equals a value given as text, as the column's type and collation see it.
    pub fn equals(&self, number: i16, value: &str) -> Result<bool> {
        let column = self.column(number)?;
        // Made before the value there is looked at, so that a column that is not what it was is noticed at the first row.
        let other = column.value_as_written(value)?;
        let Some(datum) = self.datum(number) else {
            return Ok(false);
        };
        // SAFETY: looks the type's equality up; both values are of the column's type.
        unsafe {
            let entry = &mut *pg_sys::lookup_type_cache(column.kind(), pg_sys::TYPECACHE_EQ_OPR_FINFO as i32);
            if entry.eq_opr_finfo.fn_oid == pg_sys::InvalidOid {
                return Err(Error::column_type("the column's type has no equality"));
            }
            let result = pg_sys::FunctionCall2Coll(&mut entry.eq_opr_finfo, column.collation(), datum, other);
            Ok(bool::from_datum(result, false).unwrap_or(false))
        }
    }

    /// True when the other row has the same in every column but some, and those that the server computes from others.
    pub fn is_same_but_for(&self, other: &Self, columns: &[i16]) -> bool {
        // SAFETY: the descriptor lives while the trigger runs.
        let width = unsafe { (*self.descriptor).natts } as i16;
        (1..=width)
            .filter(|number| !columns.contains(number))
            .filter_map(|number| Some((number, self.column(number).ok()?)))
            .filter(|(_, column)| !column.is_generated())
            .all(
                |(number, column)| match (self.datum(number), other.datum(number)) {
                    (None, None) => true,
                    // SAFETY: both rows have the form of the one table, so both values are of the column's type.
                    (Some(one), Some(another)) => unsafe {
                        let (is_by_value, length) = column.form();
                        guarded!(datum_image_eq(one, another, is_by_value, length))
                    },
                    _ => false,
                },
            )
    }

    fn datum(&self, number: i16) -> Option<pg_sys::Datum> {
        let mut is_null = true;
        // SAFETY: the row and its description belong together; a column that is not there is NULL.
        let datum =
            unsafe { pg_sys::SPI_getbinval(self.tuple, self.descriptor, i32::from(number), &mut is_null) };
        (!is_null).then_some(datum)
    }

    /// A value as its type writes it.
    fn written(&self, number: i16) -> Option<String> {
        // SAFETY: the column is one of the table; the result is NULL or palloc'd and NUL-terminated.
        unsafe {
            let text = pg_sys::SPI_getvalue(self.tuple, self.descriptor, i32::from(number));
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    /// The column of a number, as it is now.
    fn column(&self, number: i16) -> Result<Column<'_>> {
        // SAFETY: the descriptor lives while the trigger runs.
        unsafe { Column::of(self.descriptor, number) }
    }
}
