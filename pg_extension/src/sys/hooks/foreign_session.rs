//! What may run while somebody else's session is looked at. Predicates run what others wrote, with rows and values of that session: they read and compute, hand
//! nothing on and leave nothing behind.
//!
//! A read-only transaction is not enough: in one PostgreSQL notifies, takes advisory locks, writes large objects, messages for logical decoding and temporary
//! tables, and changes settings.

use crate::error::Error;
use crate::sys::function::{C_LANGUAGE, INTERNAL_LANGUAGE, described};
use crate::sys::{looking, relation, spi};
use pgrx::{is_a, pg_sys};

/// Volatile functions of PostgreSQL that only compute.
const HARMLESS: [&str; 9] = [
    "array_sample",
    "array_shuffle",
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "random_normal",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Functions of PostgreSQL that are no volatile ones and give the transaction a number, with a lock on it; by their names in the server.
const NUMBERED: [&str; 1] = ["pg_current_xact_id"];

fn is_bound() -> bool {
    looking::is_looking() && !spi::is_internal()
}

/// A function is about to be called. Those in procedural languages and in SQL are asked for what they call themselves. Of the library's own those that are called by name
/// read, or are volatile and refused: they would end sessions, sign, or change who is at work. What hooks put into queries lies in the private schema.
pub fn function_reached(oid: pg_sys::Oid) {
    if !is_bound() {
        return;
    }
    let Some(function) = native_leaving(oid) else {
        return;
    };
    let is_of_server = oid.to_u32() < pg_sys::FirstNormalObjectId;
    if !(is_of_server && HARMLESS.contains(&function.as_str())) {
        Error::foreign_session_in_place(&format!("function {function}")).raise()
    }
}

/// The name of a function that may leave something and is written neither in SQL nor in a procedural language.
fn native_leaving(oid: pg_sys::Oid) -> Option<String> {
    let is_leaving = described(oid, |function| {
        let is_native = match function.prolang.to_u32() {
            INTERNAL_LANGUAGE => true,
            C_LANGUAGE => {
                !(function.is_of_library()
                    && relation::schema_name(function.pronamespace).as_deref() == Some("vpd_private"))
            }
            _ => false,
        };
        is_native
            && (function.is_volatile()
                || function
                    .source()
                    .is_some_and(|source| NUMBERED.contains(&source.as_str())))
    });
    is_leaving.unwrap_or(false).then(|| {
        // SAFETY: a catalogue look-up of a function that is there.
        unsafe {
            let name = pg_sys::get_func_name(oid);
            std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    })
}

/// A command is about to run: those that show something or run a text pass, and what they run is asked in turn.
///
/// # Safety
/// The utility statement that the server passed.
pub unsafe fn command_reached(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    if !is_bound() {
        return;
    }
    let passing = [
        T_CallStmt,
        T_DoStmt,
        T_ExecuteStmt,
        T_ExplainStmt,
        T_VariableShowStmt,
    ];
    // SAFETY: the caller's promise.
    unsafe {
        if !passing.iter().any(|tag| is_a(statement, *tag)) {
            let name =
                std::ffi::CStr::from_ptr(pg_sys::GetCommandTagName(pg_sys::CreateCommandTag(statement)));
            Error::foreign_session_in_place(&name.to_string_lossy()).raise()
        }
    }
}

/// A query starts. A temporary table is written to in a read-only transaction as well.
///
/// # Safety
/// The query that the server passed.
pub unsafe fn query_started(query: *const pg_sys::QueryDesc) {
    if !is_bound() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let plan = (*query).plannedstmt;
        if (*plan).commandType != pg_sys::CmdType::CMD_SELECT || (*plan).hasModifyingCTE {
            Error::foreign_session_in_place("a statement that writes").raise()
        }
    }
    looking::note_started(query);
}

/// A query runs or goes on. One that was started before, such as an open cursor, was asked for nothing.
pub fn query_runs(query: *const pg_sys::QueryDesc) {
    if is_bound() && !looking::was_started(query) {
        Error::foreign_session_in_place("a cursor that was open before").raise()
    }
}

/// How a query may be planned: parallel workers do not know what may not run.
pub fn plan_options(options: i32) -> i32 {
    if is_bound() {
        options & !(pg_sys::CURSOR_OPT_PARALLEL_OK as i32)
    } else {
        options
    }
}
