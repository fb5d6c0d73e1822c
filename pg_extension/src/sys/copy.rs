//! Many rows into one of the extension's own tables by the server's COPY: constraints, defaults, indexes and statement triggers as for
//! COPY FROM, without a file and without a statement text. Rows travel in COPY's binary form, so that no value can be anything but a value.

use super::clock::Timestamp;
use super::relation::Opened;
use super::user::AsOwner;
use pgrx::{pg_guard, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// How much is prepared before the server takes it.
const CHUNK: usize = 64 * 1024;

/// A row in the making; its values are given in the order of the columns.
#[derive(Default)]
pub struct Row {
    bytes: Vec<u8>,
}

impl Row {
    /// An integer.
    pub fn int4(&mut self, value: i32) {
        self.value(&value.to_be_bytes());
    }

    /// A long integer, or NULL.
    pub fn optional_int8(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.value(&value.to_be_bytes()),
            None => self.null(),
        }
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.value(value);
    }

    /// A flag.
    pub fn boolean(&mut self, value: bool) {
        self.value(&[u8::from(value)]);
    }

    /// A time.
    pub fn timestamp(&mut self, value: Timestamp) {
        self.value(&value.0.to_be_bytes());
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.value(value.as_bytes());
    }

    /// A text, or NULL.
    pub fn optional_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A document of type jsonb, in text.
    pub fn jsonb(&mut self, value: &str) {
        self.length(value.len() + 1);
        // The only version of the binary form there is.
        self.bytes.push(1);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// NULL.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    fn value(&mut self, value: &[u8]) {
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    fn length(&mut self, length: usize) {
        self.bytes
            .extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
    }
}

type Next<'a> = &'a mut dyn FnMut(&mut Row) -> bool;

thread_local! {
    static BUFFER: RefCell<(Row, usize, bool)> = const { RefCell::new((Row { bytes: Vec::new() }, 0, true)) };
    static COLUMNS: Cell<i16> = const { Cell::new(0) };
    static NEXT: Cell<Option<*mut Next<'static>>> = const { Cell::new(None) };
}

/// Writes rows into a table of `vpd_private`; `next` appends one value for each column, or returns false when there are no more rows.
/// Returns how many rows were written.
pub fn into_table(table: &CStr, columns: &[&CStr], mut next: impl FnMut(&mut Row) -> bool) -> u64 {
    let _owner = AsOwner::switch();
    let mut next: Next<'_> = &mut next;
    BUFFER.replace((
        Row {
            bytes: SIGNATURE.to_vec(),
        },
        0,
        false,
    ));
    COLUMNS.set(i16::try_from(columns.len()).unwrap_or(0));
    NEXT.set(Some((&raw mut next).cast()));
    // SAFETY: what the initial copy of logical replication does. The table belongs to the extension; its lock is kept until the transaction
    // ends. The call-back is used within CopyFrom only, so `next` outlives it; an error leaves through here, and the pointer that it
    // leaves behind is set anew before it is used again. The caller runs in a function, so that a snapshot is active.
    let count = unsafe {
        let namespace = pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), false);
        let opened = Opened::table(
            pg_sys::get_relname_relid(table.as_ptr(), namespace),
            pg_sys::RowExclusiveLock,
        );
        let relation = opened.relation();
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        pg_sys::addRangeTableEntryForRelation(
            state,
            relation,
            pg_sys::RowExclusiveLock as i32,
            std::ptr::null_mut(),
            false,
            false,
        );
        let mut names = std::ptr::null_mut();
        for column in columns {
            names = pg_sys::lappend(names, string(column).cast());
        }
        let format = pg_sys::makeDefElem(pg_sys::pstrdup(c"format".as_ptr()), string(c"binary").cast(), -1);
        let options = pg_sys::lappend(std::ptr::null_mut(), format.cast());
        let copy = pg_sys::BeginCopyFrom(
            state,
            relation,
            std::ptr::null_mut(),
            std::ptr::null(),
            false,
            Some(supply),
            names,
            options,
        );
        let count = pg_sys::CopyFrom(copy);
        pg_sys::EndCopyFrom(copy);
        pg_sys::free_parsestate(state);
        pg_sys::CommandCounterIncrement();
        count
    };
    NEXT.set(None);
    BUFFER.take();
    count
}

unsafe fn string(text: &CStr) -> *mut pg_sys::String {
    // SAFETY: the server copies the text into its own memory.
    unsafe { pg_sys::makeString(pg_sys::pstrdup(text.as_ptr())) }
}

#[pg_guard]
unsafe extern "C-unwind" fn supply(target: *mut c_void, _least: c_int, most: c_int) -> c_int {
    let most = usize::try_from(most).unwrap_or(0);
    BUFFER.with_borrow_mut(|(row, taken, is_over)| {
        if *taken == row.bytes.len() {
            row.bytes.clear();
            *taken = 0;
        }
        while !*is_over && row.bytes.len() - *taken < most.min(CHUNK) {
            let start = row.bytes.len();
            row.bytes.extend_from_slice(&COLUMNS.get().to_be_bytes());
            let is_row = NEXT.get().is_some_and(|next| {
                // SAFETY: `into_table` waits for CopyFrom, which is what calls this.
                let next = unsafe { &mut *next };
                next(row)
            });
            if !is_row {
                row.bytes.truncate(start);
                row.bytes.extend_from_slice(&TRAILER);
                *is_over = true;
            }
        }
        let count = most.min(row.bytes.len() - *taken);
        // SAFETY: the server gives room for `most` bytes; the buffer holds `count` from `taken`.
        unsafe {
            std::ptr::copy_nonoverlapping(row.bytes.as_ptr().add(*taken), target.cast::<u8>(), count);
        }
        *taken += count;
        c_int::try_from(count).unwrap_or(0)
    })
}
