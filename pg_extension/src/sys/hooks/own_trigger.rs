//! The triggers of the library: whoever policies apply to cannot switch them off, rename, replace or drop them, the owner of the table included.
//!
//! Switching off and renaming are seen where the server does it, whatever the command is called. Dropping is seen in the command, because dropping the
//! table drops them as well, and may.

use super::named::{dropped, resolve};
use crate::error::Error;
use crate::sys::list::{elements, string};
use crate::sys::table::table;
use crate::sys::{extension, spi, user};
use pgrx::pg_sys;

/// The server changed a trigger.
pub fn altered(trigger: pg_sys::Oid) {
    if is_watched() && (table().policy.is_own_trigger)(trigger) {
        Error::trigger_change_refused().raise();
    }
}

/// A command is about to run.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn check(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says; of a trigger to drop the names are those of the table and then its own.
    unsafe {
        match (*statement).type_ {
            T_DropStmt => {
                let drop = &*statement.cast::<pg_sys::DropStmt>();
                if drop.removeType == pg_sys::ObjectType::OBJECT_TRIGGER {
                    for (relation, name) in dropped(drop.objects) {
                        refuse(relation, &name);
                    }
                }
            }
            T_CreateTrigStmt => {
                let create = &*statement.cast::<pg_sys::CreateTrigStmt>();
                if create.replace {
                    let name = std::ffi::CStr::from_ptr(create.trigname);
                    refuse(create.relation, &name.to_string_lossy());
                }
            }
            T_AlterObjectDependsStmt => {
                let alter = &*statement.cast::<pg_sys::AlterObjectDependsStmt>();
                if alter.objectType == pg_sys::ObjectType::OBJECT_TRIGGER
                    && let Some(name) = elements(alter.object.cast()).last()
                {
                    refuse(alter.relation, &string(name));
                }
            }
            _ => (),
        }
    }
}

unsafe fn refuse(relation: *const pg_sys::RangeVar, name: &str) {
    if !is_watched() {
        return;
    }
    // SAFETY: a range variable of the statement.
    let relation = unsafe { resolve(relation) };
    if relation != pg_sys::InvalidOid && (table().policy.has_trigger)(relation, name) {
        Error::trigger_change_refused().raise();
    }
}

fn is_watched() -> bool {
    !spi::is_internal()
        && !user::bypasses_policies()
        && extension::is_installed()
        && !extension::is_being_created()
}
