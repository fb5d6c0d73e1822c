//! Queries and commands that run what the owner of a relation wrote, such as its types, checks and conditions of indexes: as he, in a security-restricted operation.
//!
//! Texts were made by the database's own `format()`; names are resolved in pg_catalog. Invariant: a permit is no part of a text. Code that runs along can ask the server for the texts of
//! all that called it (`GET DIAGNOSTICS … PG_CONTEXT`).

use super::{Arg, Connection, Internal, Row, bound, collect, require_done};
use crate::sys::aside::{Aside, Reading};
use crate::sys::list::nth;
use crate::sys::pinned::Pinned;
use crate::sys::user::Restricted;
use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// Runs a query over a relation that the caller may read. Policies count as they do for the caller, or not at all; then no index of the owner's is asked either.
pub fn query_as_owner_of<R>(
    relation: pg_sys::Oid,
    is_past_policies: bool,
    text: &str,
    args: &[Arg],
    read: impl FnMut(&Row) -> R,
) -> Vec<R> {
    let how = if is_past_policies {
        (Pinned::every_row as fn() -> Pinned, Some(Reading::PastPolicies))
    } else {
        (Pinned::meaning as fn() -> Pinned, None)
    };
    run(relation, text, args, how, true, read)
}

/// The same for a query that locks rows, or writes them so that nobody could see a difference: past policies and masks, and no trigger of the table fires.
pub fn rewrite_as_owner_of<R>(
    relation: pg_sys::Oid,
    text: &str,
    args: &[Arg],
    read: impl FnMut(&Row) -> R,
) -> Vec<R> {
    let how = (Pinned::rewriting as fn() -> Pinned, Some(Reading::Untriggered));
    run(relation, text, args, how, false, read)
}

fn run<R>(
    relation: pg_sys::Oid,
    text: &str,
    args: &[Arg],
    (pin, reading): (fn() -> Pinned, Option<Reading>),
    is_read: bool,
    read: impl FnMut(&Row) -> R,
) -> Vec<R> {
    let Ok(text) = CString::new(text) else {
        return Vec::new();
    };
    let _owner = Restricted::as_owner_of(relation);
    let _pinned = pin();
    let _aside = reading.map(|reading| Aside::of(relation, &text, reading));
    let _connection = Connection::open();
    let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid).collect();
    let (mut values, nulls) = bound(args);
    // SAFETY: the connection is open; as many types, values and marks as it says. The plan is used once and goes with the connection, and rows are read before.
    unsafe {
        let status = pg_sys::SPI_execute_with_args(
            text.as_ptr(),
            types.len() as i32,
            types.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_ptr(),
            is_read,
            0,
        );
        require_done(status);
        collect(read)
    }
}

/// Runs one command on a relation, such as ALTER TABLE, in whose text a permit stands. The server takes no arguments there, so the command runs without SPI, which would show its text.
pub fn command_as_owner_of(relation: pg_sys::Oid, text: &str, permit: &str) {
    let shown = text.replace(permit, "");
    let (Ok(text), Ok(shown)) = (CString::new(text), CString::new(shown)) else {
        return;
    };
    let _internal = Internal::enter();
    let _owner = Restricted::as_owner_of(relation);
    let _pinned = Pinned::meaning();
    // SAFETY: the tree of one utility statement, which the server may change; the snapshot is popped after it, or by the abort.
    unsafe {
        let parsed = pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        let statement = (*nth(parsed, 0).cast::<pg_sys::RawStmt>()).stmt;
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        run_utility(statement, &shown);
        pg_sys::PopActiveSnapshot();
        pg_sys::CommandCounterIncrement();
    }
}

unsafe fn run_utility(statement: *mut pg_sys::Node, shown: &CStr) {
    // SAFETY: a planned statement around a utility statement, as the server makes it; both are of the current context.
    unsafe {
        let planned =
            pg_sys::palloc0(std::mem::size_of::<pg_sys::PlannedStmt>()).cast::<pg_sys::PlannedStmt>();
        (*planned).type_ = pg_sys::NodeTag::T_PlannedStmt;
        (*planned).commandType = pg_sys::CmdType::CMD_UTILITY;
        (*planned).canSetTag = true;
        (*planned).utilityStmt = statement;
        (*planned).stmt_location = -1;
        pg_sys::ProcessUtility(
            planned,
            shown.as_ptr(),
            false,
            pg_sys::ProcessUtilityContext::PROCESS_UTILITY_QUERY,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            pg_sys::None_Receiver,
            std::ptr::null_mut(),
        );
    }
}
