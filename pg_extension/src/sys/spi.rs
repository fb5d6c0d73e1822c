//! Statements on the extension's own tables, prepared once in a backend.
//!
//! They run as the bootstrap superuser, with names resolved in pg_catalog alone, and see what is committed now, at every
//! isolation level: a snapshot taken for the call, as referential integrity does it. Values are bound, never concatenated.

mod of_owner;
mod planning;
mod row;
#[cfg(debug_assertions)]
mod shown;
mod snapshot;
mod stream;

pub use of_owner::{command_as_owner_of, query_as_owner_of, rewrite_as_owner_of};
pub use planning::{Shape, shape};
pub use row::Row;
#[cfg(debug_assertions)]
pub use shown::plan_of;
pub use snapshot::{Moment, as_committed};
pub use stream::at_present;

use super::pinned::Pinned;
use super::user::AsOwner;
use crate::error::Error;
use pgrx::{IntoDatum, pg_sys};
use planning::Planning;
pub(super) use row::collect;
use snapshot::Snapshot;
use std::cell::Cell;
use std::ffi::CString;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LOOKS: Cell<u64> = const { Cell::new(0) };
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
            let (mut values, nulls) = bound(args);
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
        // Not for preparing alone: a kept plan whose path differs from the current one is analyzed again, in the current one, and functions that it
        // calls look at settings whenever it runs.
        let _pinned = if self.plan.get().is_null() {
            Pinned::meaning()
        } else {
            Pinned::running()
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

/// Values as SPI takes them, and which of them are NULL.
fn bound(args: &[Arg]) -> (Vec<pg_sys::Datum>, Vec<std::ffi::c_char>) {
    let value = |arg: &Arg| arg.datum.unwrap_or(pg_sys::Datum::from(0));
    let mark = |arg: &Arg| if arg.datum.is_some() { b' ' } else { b'n' } as std::ffi::c_char;
    (args.iter().map(value).collect(), args.iter().map(mark).collect())
}

fn require_done(status: i32) {
    if status < 0 {
        Error::not_ready("a statement of the extension failed", "Report this as a bug.").raise();
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
