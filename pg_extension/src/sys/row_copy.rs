//! Rows of a table, copied once, over which predicates are then asked with somebody else's session.
//!
//! Why a copy: whoever plans a query over a table runs what its owner wrote, such as the expressions of its indexes. So the table is read as
//! its owner, in a security-restricted operation and with no session attached, past its policies; the caller's privilege to read it
//! was checked before. The second query knows nothing of the table any more: a tuplestore stands where the table stood.

use super::aside::{Aside, Reading};
use super::compat;
use super::list::nth;
use super::looking::ReadOnly;
use super::pinned::Pinned;
use super::relation::Opened;
use super::spi::{Arg, Connection, Row, collect};
use super::table;
use super::user::{self, Restricted};
use crate::error::{Error, Result};
use pgrx::{is_a, pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_void};

// Exported by the server, declared here because the bindings leave it out.
unsafe extern "C-unwind" {
    fn SetTuplestoreDestReceiverParams(
        receiver: *mut pg_sys::DestReceiver,
        store: *mut pg_sys::Tuplestorestate,
        memory: pg_sys::MemoryContext,
        detoast: bool,
        target: pg_sys::TupleDesc,
        mismatch: *const std::ffi::c_char,
    );
}

/// No table can be called so in the path that predicates are read with.
const NAME: &CStr = c"pg_vpd: rows";
/// System columns that a copy has, behind those of the table.
const PLACES: [(&CStr, i32, pg_sys::Oid); 2] = [
    (c"tableoid", pg_sys::TableOidAttributeNumber, pg_sys::OIDOID),
    (c"ctid", pg_sys::SelfItemPointerAttributeNumber, pg_sys::TIDOID),
];

thread_local! {
    /// The form of the copy that is being asked.
    static FORM: Cell<pg_sys::TupleDesc> = const { Cell::new(std::ptr::null_mut()) };
}

/// Copied rows.
pub struct RowCopy {
    table: pg_sys::Oid,
    form: pg_sys::TupleDesc,
    store: *mut pg_sys::Tuplestorestate,
    count: u64,
}

impl RowCopy {
    /// Copies the rows of a table for which a condition holds, which calls the table `t` and uses nothing but what PostgreSQL itself has; at
    /// most `limit` of them.
    pub fn read(table: pg_sys::Oid, condition: &str, args: &[Arg], limit: Option<u32>) -> Result<Self> {
        if !user::may_select(table) {
            return Err(Error::select_missing());
        }
        let (form, columns) = describe(table)?;
        let mut text = format!(
            "SELECT {columns} FROM {} AS t WHERE {condition}",
            qualified(table)?
        );
        if let Some(limit) = limit {
            text.push_str(&format!(" LIMIT {limit}"));
        }
        let text = CString::new(text).map_err(|_| Error::select_missing())?;
        // SAFETY: made in the current memory context, with the memory that a statement may use.
        let store = unsafe { pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem) };
        let mut copy = Self {
            table,
            form,
            store,
            count: 0,
        };
        let mut count = Ok(0);
        (table::table().session.without)(&mut || {
            let _read_only = ReadOnly::enter();
            let _owner = Restricted::as_owner_of(table);
            let _pinned = Pinned::meaning();
            let _aside = Aside::of(table, &text, Reading::PastPolicies);
            count = copy.fill(&text, args);
        });
        copy.count = count?;
        Ok(copy)
    }

    fn fill(&self, text: &CStr, args: &[Arg]) -> Result<u64> {
        let _connection = Connection::open();
        // SAFETY: the statement is parsed, planned and run in one go, so that its text stays where it lies. The receiver puts rows into the
        // tuplestore, which lives longer; what it needs itself lies in the memory of this connection.
        unsafe {
            let params = pg_sys::makeParamList(args.len() as i32);
            for (place, arg) in (*params).params.as_mut_slice(args.len()).iter_mut().zip(args) {
                place.value = arg.datum().unwrap_or(pg_sys::Datum::from(0));
                place.isnull = arg.datum().is_none();
                place.pflags = pg_sys::PARAM_FLAG_CONST as u16;
                place.ptype = arg.oid();
            }
            let receiver = pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestTuplestore);
            guarded!(SetTuplestoreDestReceiverParams(
                receiver,
                self.store,
                pg_sys::CurrentMemoryContext,
                false,
                std::ptr::null_mut(),
                std::ptr::null()
            ));
            let options = pg_sys::SPIExecuteOptions {
                params,
                read_only: true,
                dest: receiver,
                ..Default::default()
            };
            if pg_sys::SPI_execute_extended(text.as_ptr(), &options) < 0 {
                return Err(Error::not_ready(
                    "a table cannot be read",
                    "Report this as a bug.",
                ));
            }
            Ok(pg_sys::SPI_processed)
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Runs a query in whose FROM the table stands, over the copy: as the caller, or for a superuser as the owner of the table, in a
    /// security-restricted operation, with the session that is attached. Its text holds predicates of administrators.
    pub fn query<R>(&self, text: &str, read: impl FnMut(&Row) -> R) -> Result<Vec<R>> {
        let Ok(text) = CString::new(text) else {
            return Ok(Vec::new());
        };
        let _caller = Restricted::as_caller_on(self.table);
        let _pinned = Pinned::meaning();
        let _form = Form::enter(self.form);
        let _aside = Aside::of(self.table, &text, Reading::Copied);
        let _connection = Connection::open();
        // SAFETY: the entry is used by this connection alone, and outlives it; text and rows as in `fill`.
        unsafe {
            let mut entry = pg_sys::EphemeralNamedRelationData {
                md: pg_sys::EphemeralNamedRelationMetadataData {
                    name: NAME.as_ptr().cast_mut(),
                    reliddesc: pg_sys::InvalidOid,
                    tupdesc: self.form,
                    enrtype: pg_sys::EphemeralNameRelationType::ENR_NAMED_TUPLESTORE,
                    enrtuples: self.count as f64,
                },
                reldata: self.store.cast(),
            };
            pg_sys::SPI_register_relation(&mut entry);
            let status = pg_sys::SPI_execute(text.as_ptr(), true, 0);
            if status < 0 {
                return Err(Error::not_ready(
                    "a query of the extension failed",
                    "Report this as a bug.",
                ));
            }
            Ok(collect(read))
        }
    }
}

impl Drop for RowCopy {
    fn drop(&mut self) {
        // An error that unwinds leaves memory and files to the abort.
        if !std::thread::panicking() {
            // SAFETY: made by this value, and nothing reads it any more.
            unsafe { pg_sys::tuplestore_end(self.store) }
        }
    }
}

struct Form(pg_sys::TupleDesc);

impl Form {
    fn enter(form: pg_sys::TupleDesc) -> Self {
        Self(FORM.replace(form))
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        FORM.set(self.0);
    }
}

/// The form of a copy, and what is selected for it: each column in its place, with something in that of a dropped one.
fn describe(table: pg_sys::Oid) -> Result<(pg_sys::TupleDesc, String)> {
    let opened = Opened::table(table, pg_sys::AccessShareLock);
    // SAFETY: the table is open; its descriptor has as many attributes as it says. The form has room for the places behind them.
    unsafe {
        let own = (*opened.relation()).rd_att;
        let width = (*own).natts;
        let form = pg_sys::CreateTemplateTupleDesc(width + PLACES.len() as i32);
        let mut columns = Vec::new();
        for (number, attribute) in (1_i16..).zip((*own).attrs.as_slice(width as usize)) {
            if attribute.attisdropped {
                pg_sys::TupleDescInitEntry(form, number, c"dropped".as_ptr(), pg_sys::INT4OID, -1, 0);
                columns.push("NULL::pg_catalog.int4".to_owned());
            } else {
                pg_sys::TupleDescCopyEntry(form, number, own, number);
                columns.push(format!("t.{}", quoted(attribute.attname.data.as_ptr())));
            }
        }
        for (place, (name, _, kind)) in (1_i16..).zip(PLACES) {
            pg_sys::TupleDescInitEntry(form, width as i16 + place, name.as_ptr(), kind, -1, 0);
            columns.push(format!("t.{}", name.to_string_lossy()));
        }
        Ok((form, columns.join(", ")))
    }
}

fn qualified(table: pg_sys::Oid) -> Result<String> {
    // SAFETY: look-ups inside a transaction that return NULL or a palloc'd, NUL-terminated name.
    unsafe {
        let name = pg_sys::get_rel_name(table);
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(table));
        if name.is_null() || schema.is_null() {
            return Err(Error::select_missing());
        }
        Ok(format!("{}.{}", quoted(schema), quoted(name)))
    }
}

unsafe fn quoted(name: *const std::ffi::c_char) -> String {
    // SAFETY: the caller passes a NUL-terminated name; the answer is one as well.
    unsafe { CStr::from_ptr(pg_sys::quote_identifier(name)) }
        .to_string_lossy()
        .into_owned()
}

/// Puts the copy in the place of range table entry `number`.
///
/// # Safety
/// The query is fresh from the parser; the entry is the table of the copy that is being asked.
pub unsafe fn put_in_place(query: *mut pg_sys::Query, number: i32) {
    // SAFETY: the caller's promise; the form of the copy lives while it is asked. Fields are set as the parser sets them for a tuplestore.
    unsafe {
        let form = FORM.get();
        let mut change = Change {
            number,
            depth: 0,
            width: (*form).natts - PLACES.len() as i32,
        };
        let changed = compat::mutate_query(query, change_mutator, std::ptr::from_mut(&mut change).cast());
        std::ptr::copy_nonoverlapping(changed, query, 1);
        let entry = &mut *nth((*query).rtable, number - 1).cast::<pg_sys::RangeTblEntry>();
        compat::forget_privileges(entry);
        entry.rtekind = pg_sys::RTEKind::RTE_NAMEDTUPLESTORE;
        entry.relid = pg_sys::InvalidOid;
        entry.relkind = 0;
        entry.rellockmode = 0;
        entry.inh = false;
        entry.enrname = pg_sys::pstrdup(NAME.as_ptr());
        entry.enrtuples = 0.0;
        entry.coltypes = std::ptr::null_mut();
        entry.coltypmods = std::ptr::null_mut();
        entry.colcollations = std::ptr::null_mut();
        for attribute in (*form).attrs.as_slice((*form).natts as usize) {
            entry.coltypes = pg_sys::lappend_oid(entry.coltypes, attribute.atttypid);
            entry.coltypmods = pg_sys::lappend_int(entry.coltypmods, attribute.atttypmod);
            entry.colcollations = pg_sys::lappend_oid(entry.colcollations, attribute.attcollation);
        }
        for (name, ..) in PLACES {
            let name = pg_sys::makeString(pg_sys::pstrdup(name.as_ptr()));
            (*entry.eref).colnames = pg_sys::lappend((*entry.eref).colnames, name.cast());
        }
    }
}

struct Change {
    number: i32,
    depth: u32,
    /// How many columns the table has, dropped ones included.
    width: i32,
}

/// Rewrites what refers to system columns or to the whole row of the table.
#[pg_guard]
unsafe extern "C-unwind" fn change_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: the context is the `Change` that `put_in_place` passed; the node is valid and of the type its tag says.
    unsafe {
        let change = &mut *context.cast::<Change>();
        if is_a(node, pg_sys::NodeTag::T_Query) {
            change.depth += 1;
            let changed = compat::mutate_query(node.cast(), change_mutator, context);
            change.depth -= 1;
            return changed.cast();
        }
        if is_a(node, pg_sys::NodeTag::T_Var) {
            let variable = &*node.cast::<pg_sys::Var>();
            if variable.varno == change.number && variable.varlevelsup == change.depth {
                return change.variable(variable);
            }
        }
        compat::mutate_expression(node, change_mutator, context)
    }
}

impl Change {
    unsafe fn variable(&self, variable: &pg_sys::Var) -> *mut pg_sys::Node {
        // SAFETY: makes nodes; the form has the columns that are named.
        unsafe {
            let number = i32::from(variable.varattno);
            if number > 0 {
                return pg_sys::copyObjectImpl(std::ptr::from_ref(variable).cast()).cast();
            }
            if number == 0 {
                return self.whole_row(variable);
            }
            let place = PLACES.iter().position(|(_, system, _)| *system == number);
            let Some(place) = place else {
                Error::argument(
                    "a predicate uses a system column that is not known here",
                    "Of the system columns tableoid and ctid can be explained.",
                )
                .raise()
            };
            self.part(self.width + place as i32 + 1)
        }
    }

    unsafe fn part(&self, number: i32) -> *mut pg_sys::Node {
        // SAFETY: the form has as many attributes as it says.
        unsafe {
            let form = FORM.get();
            let attribute = &(*form).attrs.as_slice((*form).natts as usize)[number as usize - 1];
            pg_sys::makeVar(
                self.number,
                number as i16,
                attribute.atttypid,
                attribute.atttypmod,
                attribute.attcollation,
                self.depth,
            )
            .cast()
        }
    }

    /// The row type is the table's, dropped columns included, which a row expression takes any NULL for.
    unsafe fn whole_row(&self, variable: &pg_sys::Var) -> *mut pg_sys::Node {
        // SAFETY: makes nodes.
        unsafe {
            let mut row = pgrx::PgBox::<pg_sys::RowExpr>::alloc_node(pg_sys::NodeTag::T_RowExpr);
            for number in 1..=self.width {
                row.args = pg_sys::lappend(row.args, self.part(number).cast());
            }
            row.row_typeid = variable.vartype;
            row.row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
            row.location = -1;
            row.into_pg().cast()
        }
    }
}
