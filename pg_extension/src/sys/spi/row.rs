//! Rows of results.

use crate::error::Error;
use crate::sys::clock::Timestamp;
use crate::sys::datum::{self, Readable};
use crate::sys::memory;
use pgrx::pg_sys;
use std::ffi::CStr;

/// One row of a result, or of a table.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    /// A row whose form is known. Nothing of it may be read once either is gone.
    pub(crate) fn of(tuple: pg_sys::HeapTuple, description: pg_sys::TupleDesc) -> Self {
        Self { tuple, description }
    }

    /// Column `number`, counted from 1; `None` for NULL. 42804 when the column is of another type.
    pub fn get<T: Readable>(&self, number: i32) -> Option<T> {
        let (value, is_null) = self.datum(number);
        // SAFETY: the value is of the column's type; it is copied into Rust memory before the row is gone.
        unsafe { datum::read(value, is_null, self.type_of(number)) }
    }

    /// Column `number`, which is never NULL in a catalogue that nobody damaged. A definition that cannot be read is no definition that
    /// permits: the error closes whatever it was about.
    pub fn required<T: Readable>(&self, number: i32) -> T {
        self.get(number)
            .unwrap_or_else(|| Error::catalogue_unreadable().raise())
    }

    /// The column of a name; `None` for NULL.
    pub fn named<T: Readable>(&self, name: &CStr) -> Option<T> {
        self.get(self.number(name))
    }

    /// A timestamptz column.
    pub fn timestamp(&self, number: i32) -> Option<Timestamp> {
        let (value, is_null) = self.datum(number);
        // SAFETY: the value is of the column's type.
        unsafe { datum::read_moment(value, is_null, self.type_of(number)) }
    }

    /// The timestamptz column of a name.
    pub fn timestamp_named(&self, name: &CStr) -> Option<Timestamp> {
        self.timestamp(self.number(name))
    }

    fn datum(&self, number: i32) -> (pg_sys::Datum, bool) {
        let mut is_null = true;
        // SAFETY: the row and its form belong together; a column that is not there is NULL.
        let datum = unsafe { pg_sys::SPI_getbinval(self.tuple, self.description, number, &mut is_null) };
        (datum, is_null)
    }

    fn type_of(&self, number: i32) -> pg_sys::Oid {
        usize::try_from(number - 1)
            .ok()
            .and_then(|place| self.columns().get(place))
            .map_or(pg_sys::InvalidOid, |column| column.atttypid)
    }

    /// 0 when there is no such column.
    fn number(&self, name: &CStr) -> i32 {
        self.columns()
            .iter()
            // SAFETY: a name is NUL-terminated.
            .position(|column| unsafe { CStr::from_ptr(column.attname.data.as_ptr()) } == name)
            .map_or(0, |place| place as i32 + 1)
    }

    fn columns(&self) -> &[pg_sys::FormData_pg_attribute] {
        // SAFETY: the form of a row has as many columns as it says.
        unsafe {
            (*self.description)
                .attrs
                .as_slice((*self.description).natts as usize)
        }
    }
}

/// Converts the rows that the statement which was just run returned.
///
/// # Safety
/// The connection that ran it is open.
pub unsafe fn collect<R>(mut read: impl FnMut(&Row) -> R) -> Vec<R> {
    // SAFETY: the caller's promise; the table has as many rows as were processed, and they live as long as the connection.
    unsafe {
        let table = pg_sys::SPI_tuptable;
        if table.is_null() {
            return Vec::new();
        }
        let count = pg_sys::SPI_processed as usize;
        ask_for_rows::<R>(&*table, count);
        let mut rows = Vec::with_capacity(count);
        for index in 0..count {
            rows.push(read(&Row::of(*(*table).vals.add(index), (*table).tupdesc)));
        }
        rows
    }
}

/// 53200 unless there is memory for what becomes of rows: each has a place in a list and a few pieces of memory of its own, which hold what it holds.
unsafe fn ask_for_rows<R>(table: &pg_sys::SPITupleTable, count: usize) {
    const PIECES: usize = 128;
    // SAFETY: the table has as many rows as its statement processed.
    let bytes: usize = (0..count)
        .map(|row| unsafe { (**table.vals.add(row)).t_len } as usize)
        .sum();
    memory::ask(bytes.saturating_add(count.saturating_mul(size_of::<R>() + PIECES)));
}
