//! Commands of those whom policies do not apply to that take a defence from a table under policy: they are told what that opens.

use crate::sys::extension;
use crate::sys::hooks::named::{dropped, is_guard, resolve};
use crate::sys::list::elements;
use crate::sys::table::table;
use pgrx::{is_a, pg_sys};

/// True for statements that [`check_made`] looks at.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn is_touched_by(statement: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            T_AlterTableStmt | T_CreatePolicyStmt | T_AlterPolicyStmt => true,
            T_RenameStmt => {
                (*statement.cast::<pg_sys::RenameStmt>()).renameType == pg_sys::ObjectType::OBJECT_POLICY
            }
            T_DropStmt => {
                (*statement.cast::<pg_sys::DropStmt>()).removeType == pg_sys::ObjectType::OBJECT_POLICY
            }
            _ => false,
        }
    }
}

/// Warns of what a command opened.
///
/// # Safety
/// A valid utility statement that has run.
pub unsafe fn check_made(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says; of a policy to drop the names are those of the table and then its own.
    unsafe {
        match (*statement).type_ {
            T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                if is_weakening(alter) {
                    warn(alter.relation, true);
                }
            }
            T_CreatePolicyStmt => {
                let create = &*statement.cast::<pg_sys::CreatePolicyStmt>();
                warn(create.table, is_guard(create.policy_name));
            }
            T_AlterPolicyStmt => {
                let alter = &*statement.cast::<pg_sys::AlterPolicyStmt>();
                warn(alter.table, is_guard(alter.policy_name));
            }
            T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                if rename.renameType == pg_sys::ObjectType::OBJECT_POLICY && is_guard(rename.subname) {
                    warn(rename.relation, true);
                }
            }
            T_DropStmt => {
                let drop = &*statement.cast::<pg_sys::DropStmt>();
                if drop.removeType != pg_sys::ObjectType::OBJECT_POLICY {
                    return;
                }
                for (relation, name) in dropped(drop.objects) {
                    warn(relation, name == "vpd_guard");
                }
            }
            _ => (),
        }
    }
}

unsafe fn is_weakening(statement: &pg_sys::AlterTableStmt) -> bool {
    use pg_sys::AlterTableType as Change;
    // SAFETY: a list of AlterTableCmd nodes.
    unsafe {
        elements(statement.cmds).any(|command| {
            is_a(command, pg_sys::NodeTag::T_AlterTableCmd)
                && matches!(
                    (*command.cast::<pg_sys::AlterTableCmd>()).subtype,
                    Change::AT_DisableRowSecurity | Change::AT_NoForceRowSecurity
                )
        })
    }
}

/// A defence of ours, or a policy of PostgreSQL's own.
unsafe fn warn(relation: *const pg_sys::RangeVar, is_ours: bool) {
    if !extension::is_installed() {
        return;
    }
    // SAFETY: a range variable of the statement.
    let oid = unsafe { resolve(relation) };
    if oid == pg_sys::InvalidOid {
        return;
    }
    if is_ours {
        (table().change.defence_taken)(oid);
    } else {
        (table().change.native_policy)(oid);
    }
}
