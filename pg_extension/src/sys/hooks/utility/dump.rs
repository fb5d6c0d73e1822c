//! Commands of a dump. What the library has put on a table stands in a dump as the table's own, and is accepted when it is there already.
//! A table that was under policy is closed as soon as it is made: that it was is known then by its being forced, which a dump says with the
//! table, while row security and policies come after the rows.

use super::{elements, resolve};
use crate::policy::reach;
use crate::sys::{extension, user};
use pgrx::{is_a, pg_sys};
use std::ffi::CStr;

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
                is_admin() && super::is_guard(create.policy_name) && reach::has_guard(resolve(create.table))
            }
            pg_sys::NodeTag::T_CreateTrigStmt => {
                let create = &*statement.cast::<pg_sys::CreateTrigStmt>();
                let name = CStr::from_ptr(create.trigname);
                TRIGGERS.iter().any(|(trigger, function)| {
                    *trigger == name
                        && !create.replace
                        && elements(create.funcname)
                            .last()
                            .is_some_and(|last| super::string(last).as_bytes() == function.to_bytes())
                        && is_admin()
                        && reach::has_trigger(resolve(create.relation), &name.to_string_lossy())
                })
            }
            _ => false,
        }
    }
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
