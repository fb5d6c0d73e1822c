//! A query that starts or runs, as far as others look at it.

use crate::sys::compat;
use crate::sys::list::nth;
use crate::sys::marker::{self, Marker};
use crate::sys::portal;
use crate::sys::restriction::Command;
use pgrx::pg_sys;
use std::ffi::CStr;

/// A query with its plan.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Running(*mut pg_sys::QueryDesc);

impl Running {
    /// # Safety
    /// The query is one that the server passed, and outlives the value.
    pub(super) unsafe fn new(query: *mut pg_sys::QueryDesc) -> Self {
        Self(query)
    }

    /// Tells the queries of a transaction apart.
    pub fn key(&self) -> usize {
        self.0 as usize
    }

    /// The tables the plan reads or writes, at whatever depth.
    pub fn tables(&self) -> Vec<pg_sys::Oid> {
        // SAFETY: the server passes a query with its plan, whose range table is a flat list of RangeTblEntry.
        unsafe {
            let entries = (*(*self.0).plannedstmt).rtable;
            let count = if entries.is_null() { 0 } else { (*entries).length };
            (0..count)
                .map(|index| nth(entries, index).cast::<pg_sys::RangeTblEntry>())
                .filter(|entry| (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION)
                .map(|entry| (*entry).relid)
                .collect()
        }
    }

    /// Whether the plan carries one of these markers.
    pub fn carries(&self, markers: &[Marker]) -> bool {
        // SAFETY: a query with its plan.
        unsafe { marker::carries(self.0, markers) }
    }

    /// Whether its rows outlive the transaction.
    pub fn is_kept(&self) -> bool {
        // SAFETY: a query of the server.
        unsafe { portal::is_kept(self.0) }
    }

    /// What it reads and writes: one for each relation, kind of access and place in the query.
    pub fn accesses(&self, mut visit: impl FnMut(&Access)) {
        // A query that locks rows needs the privilege to write, and writes nothing.
        let is_reading = !self.may_write();
        // SAFETY: a query with its plan.
        unsafe {
            compat::visit_accesses((*self.0).plannedstmt, |checked| {
                for command in Command::OF_ROWS {
                    let is_asked = checked.required & command.privilege() != 0;
                    if is_asked && (command == Command::Select || !is_reading) {
                        visit(&Access {
                            relation: checked.relation,
                            command,
                            part_of: checked.part_of,
                            is_whole: false,
                            columns: match checked.part_of {
                                None => columns_of(command, checked.columns),
                                // A part may have other numbers for its columns.
                                Some(_) => None,
                            },
                        });
                    }
                }
            });
        }
    }

    fn may_write(&self) -> bool {
        // SAFETY: a query with its plan.
        unsafe {
            let plan = &*(*self.0).plannedstmt;
            plan.commandType != pg_sys::CmdType::CMD_SELECT || plan.hasModifyingCTE
        }
    }

    /// What the query as a whole does; `None` where that is several things.
    pub fn command(&self) -> Option<Command> {
        // SAFETY: a query with its plan.
        unsafe {
            match (*(*self.0).plannedstmt).commandType {
                pg_sys::CmdType::CMD_SELECT => Some(Command::Select),
                pg_sys::CmdType::CMD_INSERT => Some(Command::Insert),
                pg_sys::CmdType::CMD_UPDATE => Some(Command::Update),
                pg_sys::CmdType::CMD_DELETE => Some(Command::Delete),
                _ => None,
            }
        }
    }

    /// Rows that came out or were written since it began to run, or went on.
    pub fn row_count(&self) -> i64 {
        // SAFETY: a query that runs or has just run has a state.
        unsafe {
            let state = (*self.0).estate;
            if state.is_null() {
                0
            } else {
                i64::try_from((*state).es_processed).unwrap_or(i64::MAX)
            }
        }
    }

    /// The server's number for statements that differ in constants only, where it makes one.
    pub fn statement_id(&self) -> Option<i64> {
        // SAFETY: a query with its plan.
        let id = unsafe { (*(*self.0).plannedstmt).queryId };
        (id != 0).then_some(id.cast_signed())
    }

    /// What the client, or a function, wrote.
    pub fn text(&self) -> String {
        // SAFETY: a query with its plan and its text, which is NUL-terminated; the plan says where its statement stands in it.
        unsafe {
            let source = (*self.0).sourceText;
            if source.is_null() {
                return String::new();
            }
            let plan = &*(*self.0).plannedstmt;
            let source = CStr::from_ptr(source).to_bytes();
            let begin = usize::try_from(plan.stmt_location).unwrap_or(0).min(source.len());
            let length = usize::try_from(plan.stmt_len).ok().filter(|length| *length > 0);
            let end = length.map_or(source.len(), |length| source.len().min(begin + length));
            String::from_utf8_lossy(&source[begin..end]).into_owned()
        }
    }

    /// Whether row security was applied to one of its tables: then `planner` makes the plan depend on the role.
    pub(super) fn depends_on_role(&self) -> bool {
        // SAFETY: a query with its plan.
        unsafe { (*(*self.0).plannedstmt).dependsOnRole }
    }
}

/// Of the columns that are selected, inserted and updated, those that count; `None` for all of them.
fn columns_of(command: Command, columns: [*mut pg_sys::Bitmapset; 3]) -> Option<*mut pg_sys::Bitmapset> {
    match command {
        Command::Select => Some(columns[0]),
        Command::Insert => Some(columns[1]),
        Command::Update => Some(columns[2]),
        Command::Delete | Command::Index => None,
    }
}

/// A relation that a query reads or writes.
pub struct Access {
    pub relation: pg_sys::Oid,
    pub command: Command,
    /// The relation that the query names, when this is a part of it.
    pub part_of: Option<pg_sys::Oid>,
    /// Whether it is a command on the whole table, which goes through no rows of a query.
    is_whole: bool,
    /// The columns, counted from `FirstLowInvalidHeapAttributeNumber`; `None` for all of them.
    columns: Option<*mut pg_sys::Bitmapset>,
}

impl Access {
    /// Of a whole table.
    pub fn whole(relation: pg_sys::Oid, command: Command) -> Self {
        Self {
            relation,
            command,
            part_of: None,
            is_whole: true,
            columns: None,
        }
    }

    /// Of a part of a relation that the query names, to which rows may go.
    pub fn part(relation: pg_sys::Oid, command: Command, part_of: pg_sys::Oid) -> Self {
        Self {
            part_of: Some(part_of),
            ..Self::whole(relation, command)
        }
    }

    /// Whether it is that of a query, which goes through rows.
    pub fn is_of_rows(&self) -> bool {
        !self.is_whole
    }

    /// Whether it names one of these columns, or all of them, or the row as a whole.
    pub fn names(&self, columns: &[i16], are_all_needed: bool) -> bool {
        let Some(named) = self.columns else { return true };
        let first = pg_sys::FirstLowInvalidHeapAttributeNumber;
        // SAFETY: a set of the query's, which lives as long; NULL is the empty one.
        let is_named = |number: &i16| unsafe { pg_sys::bms_is_member(i32::from(*number) - first, named) };
        is_named(&0)
            || if are_all_needed {
                columns.iter().all(is_named)
            } else {
                columns.iter().any(is_named)
            }
    }
}
