//! Commands of a dump. What the library has put on a table stands in a dump as the table's own, and is accepted when it is there already.
//! A table that was under policy is closed as soon as it is made: that it was is known then by its being forced, which a dump says with the
//! table, while row security and policies come after the rows.

use crate::sys::hooks::named::{is_guard, resolve};
use crate::sys::list::{elements, string};
use crate::sys::table::table;
use crate::sys::{extension, user};
use pgrx::{is_a, pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    /// The level of settings that lasts as long as a load.
    static LEVEL: Cell<i32> = const { Cell::new(0) };
}

/// The triggers of the library, each with its function.
const TRIGGERS: [(&CStr, &CStr); 2] = [
    (c"zzz_vpd_track_changes", c"track_changes"),
    (c"aaa_vpd_protect_action", c"protect_action"),
];

/// True for a command that makes what the library has put on the table already.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn is_made_already(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            pg_sys::NodeTag::T_CreatePolicyStmt => {
                let create = &*statement.cast::<pg_sys::CreatePolicyStmt>();
                is_admin()
                    && is_guard(create.policy_name)
                    && (table().policy.has_guard)(resolve(create.table))
            }
            pg_sys::NodeTag::T_CreateTrigStmt => {
                let create = &*statement.cast::<pg_sys::CreateTrigStmt>();
                let name = CStr::from_ptr(create.trigname);
                TRIGGERS.iter().any(|(trigger, function)| {
                    *trigger == name
                        && !create.replace
                        && elements(create.funcname)
                            .last()
                            .is_some_and(|last| string(last).as_bytes() == function.to_bytes())
                        && is_admin()
                        && (table().policy.has_trigger)(resolve(create.relation), &name.to_string_lossy())
                })
            }
            _ => false,
        }
    }
}

/// Before rows of a dump come into a table of the extension; tells whether they do. Several workers load the tables in any order, and a
/// dump knows nothing of foreign keys among the tables of an extension: its rows are taken as they are, as with `--disable-triggers`.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn enter_load(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: read as the type its tag says. The level of settings is closed by `leave_load`, or by the abort of the transaction.
    unsafe {
        if !is_a(statement, pg_sys::NodeTag::T_CopyStmt) {
            return false;
        }
        let copy = &*statement.cast::<pg_sys::CopyStmt>();
        let is_ours = copy.is_from
            && !copy.relation.is_null()
            && !(*copy.relation).schemaname.is_null()
            && CStr::from_ptr((*copy.relation).schemaname) == c"vpd_private";
        if !is_ours || !user::is_loading_dump() || !extension::is_installed() {
            return false;
        }
        LEVEL.set(pg_sys::NewGUCNestLevel());
        pg_sys::set_config_option(
            c"session_replication_role".as_ptr(),
            c"replica".as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
        true
    }
}

/// After it: what the triggers of these tables would have told every backend is told.
#[pg_guard]
pub unsafe extern "C-unwind" fn leave_load() {
    // SAFETY: closes the level that `enter_load` opened.
    unsafe { pg_sys::AtEOXact_GUC(true, LEVEL.get()) }
    (table().change.rows_restored)();
}

/// True for a change that forces row security on a table.
///
/// # Safety
/// A valid statement.
pub unsafe fn is_forcing(statement: &pg_sys::AlterTableStmt) -> bool {
    // SAFETY: a list of AlterTableCmd nodes.
    unsafe {
        elements(statement.cmds).any(|command| {
            is_a(command, pg_sys::NodeTag::T_AlterTableCmd)
                && (*command.cast::<pg_sys::AlterTableCmd>()).subtype
                    == pg_sys::AlterTableType::AT_ForceRowSecurity
        })
    }
}

fn is_admin() -> bool {
    user::is_superuser() && extension::is_installed()
}
