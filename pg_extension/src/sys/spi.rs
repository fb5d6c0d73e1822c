//! Statements on the extension's own tables, prepared once in a backend.
//!
//! They run as the bootstrap superuser, with names resolved in pg_catalog alone, and see what is committed now, at every
//! isolation level: a snapshot taken for the call, as referential integrity does it. Values are bound, never concatenated.

#[cfg(debug_assertions)]
mod shown;
mod snapshot;
mod stream;

#[cfg(debug_assertions)]
pub use shown::plan_of;
pub use snapshot::{Moment, as_committed};

use super::aside::{Aside, Reading};
use super::datum::{self, Readable};
use super::memory;
use super::pinned::Pinned;
use super::user::{AsOwner, Restricted};
use crate::error::Error;
use pgrx::{IntoDatum, pg_sys};
use snapshot::Snapshot;
use std::cell::Cell;
use std::ffi::{CStr, CString};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static SHAPE: Cell<Option<Shape>> = const { Cell::new(None) };
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// What a statement of ours does with its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It looks rows up by key.
    LookUp,
    /// It goes through whole tables.
    Scan,
}

/// The shape of the statement of ours that is planned or run now.
pub fn shape() -> Option<Shape> {
    SHAPE.get()
}

/// How often the library looked into tables whose changes nobody announces to who derives something from what it found.
pub fn looks() -> u64 {
    LOOKS.get()
}

/// Something was read that changes without an announcement.
pub fn note_look() {
    LOOKS.set(LOOKS.get() + 1);
}

/// What is read inside is announced when it changes: it does not count as a look.
pub fn announced<R>(read: impl FnOnce() -> R) -> R {
    let looks = LOOKS.get();
    let found = read();
    LOOKS.set(looks);
    found
}

/// True while one of these statements runs: the hooks let them pass without asking who is attached.
pub fn is_internal() -> bool {
    DEPTH.get() > 0
}

struct Internal;

impl Internal {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Internal {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

macro_rules! planner_settings {
    ($($name:ident: $kind:ty = $value:expr,)+) => {
        struct Settings {
            $($name: $kind,)+
        }

        impl Settings {
            const OURS: Self = Self { $($name: $value,)+ };

            /// Puts them in the place of the present ones, which are returned.
            fn exchange(&self) -> Self {
                // SAFETY: variables of the planner in this single-threaded process.
                unsafe {
                    let former = Self { $($name: pg_sys::$name,)+ };
                    $(pg_sys::$name = self.$name;)+
                    former
                }
            }
        }
    };
}

// What somebody has set for his own statements says nothing about ours: a plan is kept for the life of the backend, whoever comes next. None
// is worth compiling: large as the tables seem, the server would do that at every execution.
planner_settings! {
    enable_seqscan: bool = true,
    enable_indexscan: bool = true,
    enable_indexonlyscan: bool = true,
    enable_bitmapscan: bool = true,
    enable_nestloop: bool = true,
    enable_hashjoin: bool = true,
    enable_mergejoin: bool = true,
    enable_memoize: bool = true,
    enable_material: bool = true,
    enable_sort: bool = true,
    enable_hashagg: bool = true,
    seq_page_cost: f64 = 1.0,
    random_page_cost: f64 = 4.0,
    cpu_tuple_cost: f64 = 0.01,
    cpu_index_tuple_cost: f64 = 0.005,
    cpu_operator_cost: f64 = 0.0025,
    effective_cache_size: i32 = 524_288,
    jit_enabled: bool = false,
}

/// While it lives, plans are made for the library's own statements; `hooks::own_plan` tells for what size of tables.
struct Planning {
    shape: Option<Shape>,
    settings: Settings,
}

impl Planning {
    fn enter(shape: Shape) -> Self {
        Self {
            shape: SHAPE.replace(Some(shape)),
            settings: Settings::OURS.exchange(),
        }
    }
}

impl Drop for Planning {
    fn drop(&mut self) {
        SHAPE.set(self.shape);
        self.settings.exchange();
    }
}

/// A bound value with its type.
pub struct Arg {
    oid: pg_sys::Oid,
    datum: Option<pg_sys::Datum>,
}

impl Arg {
    pub(super) fn oid(&self) -> pg_sys::Oid {
        self.oid
    }

    pub(super) fn datum(&self) -> Option<pg_sys::Datum> {
        self.datum
    }
}

/// A connection to the server's programming interface while this lives: closed when the work is over, by an early return as well; an
/// error that unwinds leaves it to the abort of the (sub)transaction.
pub(super) struct Connection;

impl Connection {
    pub fn open() -> Self {
        super::xact::require_in_progress();
        // SAFETY: paired with SPI_finish in `drop`, or with the abort.
        unsafe { pg_sys::SPI_connect() };
        Self
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: closes what `open` opened; connections nest like the values of this type.
            unsafe { pg_sys::SPI_finish() };
        }
    }
}

/// Converts the rows that the statement which was just run returned.
///
/// # Safety
/// The connection that ran it is open.
pub(super) unsafe fn collect<R>(mut read: impl FnMut(&Row) -> R) -> Vec<R> {
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

/// Binds a value.
pub fn arg<T: IntoDatum>(value: T) -> Arg {
    Arg {
        oid: T::type_oid(),
        datum: value.into_datum(),
    }
}

/// Binds a relation or another object by its OID.
pub fn oid_arg(oid: pg_sys::Oid) -> Arg {
    Arg {
        oid: pg_sys::OIDOID,
        datum: Some(oid.into()),
    }
}

/// Binds no object.
pub fn null_oid_arg() -> Arg {
    Arg {
        oid: pg_sys::OIDOID,
        datum: None,
    }
}

/// One row of a result, or of a table.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    /// A row whose form is known. Nothing of it may be read once either is gone.
    pub(super) fn of(tuple: pg_sys::HeapTuple, description: pg_sys::TupleDesc) -> Self {
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
    pub fn timestamp(&self, number: i32) -> Option<super::clock::Timestamp> {
        let (value, is_null) = self.datum(number);
        // SAFETY: the value is of the column's type.
        unsafe { datum::read_moment(value, is_null, self.type_of(number)) }
    }

    /// The timestamptz column of a name.
    pub fn timestamp_named(&self, name: &CStr) -> Option<super::clock::Timestamp> {
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

/// Declares the statements of a file, each by where its text lies below `sql/query`; one that goes through whole tables is `scanning`. They are prepared once in
/// a backend, when they first run.
macro_rules! statements {
    ($($(#[$comment:meta])* $name:ident = $($shape:ident)? $file:literal;)+) => {
        thread_local! {
            $(
                $(#[$comment])*
                static $name: $crate::sys::spi::Statement = const {
                    $crate::sys::spi::statements!(@ $($shape)? include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../sql/query/", $file
                    )))
                };
            )+
        }
    };
    (@ scanning $text:expr) => { $crate::sys::spi::Statement::scanning($text) };
    (@ $text:expr) => { $crate::sys::spi::Statement::new($text) };
}
pub(crate) use statements;

/// A statement with its plan.
pub struct Statement {
    text: &'static str,
    shape: Shape,
    plan: Cell<pg_sys::SPIPlanPtr>,
}

impl Statement {
    /// A statement that looks rows up by key; it will be prepared when it first runs.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            shape: Shape::LookUp,
            plan: Cell::new(std::ptr::null_mut()),
        }
    }

    /// A statement that goes through a whole table.
    pub const fn scanning(text: &'static str) -> Self {
        Self {
            text,
            shape: Shape::Scan,
            plan: Cell::new(std::ptr::null_mut()),
        }
    }

    /// Runs a SELECT and converts each row.
    pub fn query<R>(&self, args: &[Arg], read: impl FnMut(&Row) -> R) -> Vec<R> {
        self.run(args, true, read).0
    }

    /// Runs a SELECT of at most one row.
    pub fn query_one<R>(&self, args: &[Arg], read: impl FnMut(&Row) -> R) -> Option<R> {
        self.query(args, read).into_iter().next()
    }

    /// Runs a statement that writes; converts the rows of its RETURNING.
    pub fn modify<R>(&self, args: &[Arg], read: impl FnMut(&Row) -> R) -> Vec<R> {
        self.run(args, false, read).0
    }

    /// Runs a statement that writes; returns how many rows it touched.
    pub fn execute(&self, args: &[Arg]) -> u64 {
        self.run(args, false, |_| ()).1
    }

    fn run<R>(&self, args: &[Arg], is_read: bool, read: impl FnMut(&Row) -> R) -> (Vec<R>, u64) {
        if !is_read {
            // A session that was ended, a ticket that was redeemed, a grant that was taken back: nothing of it is forgotten in a crash.
            super::xact::commit_durably();
        }
        self.prepared(args, |plan| {
            let mut values: Vec<pg_sys::Datum> = args
                .iter()
                .map(|arg| arg.datum.unwrap_or(pg_sys::Datum::from(0)))
                .collect();
            let nulls: Vec<std::ffi::c_char> = args
                .iter()
                .map(|arg| if arg.datum.is_some() { b' ' } else { b'n' } as std::ffi::c_char)
                .collect();
            let snapshot = Snapshot::of_reading();
            // SAFETY: the plan was prepared with the types of these arguments. The snapshot is registered while the plan runs. Rows are read before
            // the connection that holds them is closed.
            unsafe {
                let status = pg_sys::SPI_execute_snapshot(
                    plan,
                    values.as_mut_ptr(),
                    nulls.as_ptr(),
                    snapshot.0,
                    std::ptr::null_mut(),
                    is_read,
                    true,
                    0,
                );
                require_done(status);
                let count = pg_sys::SPI_processed;
                (collect(read), count)
            }
        })
    }

    /// Runs something with the plan: with the settings, the rights and the connection that it needs.
    fn prepared<R>(&self, args: &[Arg], work: impl FnOnce(pg_sys::SPIPlanPtr) -> R) -> R {
        note_look();
        let _internal = Internal::enter();
        let _owner = AsOwner::switch();
        // Not for preparing alone: a kept plan whose path differs from the current one is analyzed again, in the current one.
        let _pinned = if self.plan.get().is_null() {
            Pinned::meaning()
        } else {
            Pinned::path()
        };
        let _planning = Planning::enter(self.shape);
        let _connection = Connection::open();
        if self.plan.get().is_null() {
            // SAFETY: the settings are pinned and the connection is open; the plan is kept for the life of the backend.
            self.plan.set(unsafe { prepare(self.text, args) });
        }
        work(self.plan.get())
    }
}

fn require_done(status: i32) {
    if status < 0 {
        Error::not_ready("a statement of the extension failed", "Report this as a bug.").raise();
    }
}

/// Runs a query over a relation of the application that the caller may read: as the owner of the relation, in a security-restricted
/// operation, because types and views run what their owner wrote. Policies count as they do for the caller. The text was made
/// by the database's own `format()`; names are resolved in pg_catalog.
pub fn query_as_owner_of<R>(
    relation: pg_sys::Oid,
    is_past_policies: bool,
    text: &str,
    read: impl FnMut(&Row) -> R,
) -> Vec<R> {
    let Ok(text) = CString::new(text) else {
        return Vec::new();
    };
    let _owner = Restricted::as_owner_of(relation);
    let _pinned = Pinned::meaning();
    let _aside = is_past_policies.then(|| Aside::of(relation, &text, Reading::PastPolicies));
    let _connection = Connection::open();
    // SAFETY: as in `Statement::run`; the plan is used once and goes with the connection.
    unsafe {
        if pg_sys::SPI_execute(text.as_ptr(), true, 0) < 0 {
            Error::not_ready("a query of the extension failed", "Report this as a bug.").raise();
        }
        collect(read)
    }
}

/// Runs one command whose text was made by the database's own `format()`, such as ALTER TABLE.
pub fn run_command(text: &str) {
    super::xact::commit_durably();
    let _internal = Internal::enter();
    let _owner = AsOwner::switch();
    let _pinned = Pinned::meaning();
    let Ok(text) = CString::new(text) else { return };
    let _connection = Connection::open();
    // SAFETY: as in `Statement::run`.
    unsafe {
        pg_sys::SPI_execute(text.as_ptr(), false, 0);
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

/// Prepares a statement for the life of the backend; the caller has pinned the settings.
unsafe fn prepare(text: &str, args: &[Arg]) -> pg_sys::SPIPlanPtr {
    let Ok(text) = CString::new(text) else {
        Error::not_ready("a statement of the extension has a NUL", "Report this as a bug.").raise()
    };
    let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid).collect();
    // SAFETY: text and types outlive the call, which copies them; the caller is connected to SPI.
    unsafe {
        let plan = pg_sys::SPI_prepare_cursor(
            text.as_ptr(),
            types.len() as i32,
            types.as_mut_ptr(),
            pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
        );
        if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
            Error::not_ready(
                "a statement of the extension cannot be prepared",
                "Report this as a bug.",
            )
            .raise();
        }
        plan
    }
}
