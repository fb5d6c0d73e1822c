//! Commands that need a database nobody is connected to: a purge that works there makes way for them.

use crate::sys::list::nth;
use crate::sys::worker;
use pgrx::{is_a, pg_sys};
use std::ffi::{CStr, c_char};

/// Stops the purge of the database that the command is about.
pub unsafe fn make_way(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    let name = unsafe {
        match (*statement).type_ {
            T_DropdbStmt => (*statement.cast::<pg_sys::DropdbStmt>()).dbname.cast_const(),
            T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                if rename.renameType != pg_sys::ObjectType::OBJECT_DATABASE {
                    return;
                }
                rename.subname.cast_const()
            }
            T_CreatedbStmt => option((*statement.cast::<pg_sys::CreatedbStmt>()).options, c"template"),
            T_AlterDatabaseStmt => {
                let alter = &*statement.cast::<pg_sys::AlterDatabaseStmt>();
                if option(alter.options, c"tablespace").is_null() {
                    return;
                }
                alter.dbname.cast_const()
            }
            _ => return,
        }
    };
    if name.is_null() {
        return;
    }
    // SAFETY: a NUL-terminated name of the statement; the look-ups run inside its transaction.
    unsafe {
        let database = pg_sys::get_database_oid(name, true);
        if database != pg_sys::InvalidOid && pg_sys::pg_database_ownercheck(database, pg_sys::GetUserId()) {
            worker::stop_in(database);
        }
    }
}

/// The text of an option; null when it is not given, or is no text.
unsafe fn option(options: *mut pg_sys::List, name: &CStr) -> *const c_char {
    let count = if options.is_null() {
        0
    } else {
        // SAFETY: a list of DefElem nodes of the statement.
        unsafe { (*options).length }
    };
    for place in 0..count {
        // SAFETY: every index is below the length; names are NUL-terminated.
        unsafe {
            let option = &*nth(options, place).cast::<pg_sys::DefElem>();
            if CStr::from_ptr(option.defname) == name
                && !option.arg.is_null()
                && is_a(option.arg, pg_sys::NodeTag::T_String)
            {
                return (*option.arg.cast::<pg_sys::String>()).sval;
            }
        }
    }
    std::ptr::null()
}
