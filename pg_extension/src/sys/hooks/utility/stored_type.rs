//! Types of values that tables under policy store. Policies look at labels and attributes by name, and at types through their casts: whoever owns a type may
//! not choose what they look at.

use crate::sys::hooks::named::resolve;
use crate::sys::list::elements;
use crate::sys::table::table;
use crate::sys::{extension, user};
use pgrx::{is_a, pg_sys};

/// Raises when a role under policies would give another meaning to names inside such a type.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn check(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        let is_of_interest = matches!(
            (*statement).type_,
            T_AlterEnumStmt | T_RenameStmt | T_AlterTableStmt | T_CreateCastStmt
        );
        if !is_of_interest || user::bypasses_policies() || !extension::is_installed() {
            return;
        }
        match (*statement).type_ {
            T_AlterEnumStmt => {
                let alter = &*statement.cast::<pg_sys::AlterEnumStmt>();
                if !alter.oldVal.is_null() {
                    check_type(pg_sys::makeTypeNameFromNameList(alter.typeName));
                }
            }
            T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                if matches!(
                    rename.renameType,
                    pg_sys::ObjectType::OBJECT_ATTRIBUTE | pg_sys::ObjectType::OBJECT_COLUMN
                ) {
                    check_row_type(rename.relation);
                }
            }
            T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                let drops = elements(alter.cmds).any(|command| {
                    (*command.cast::<pg_sys::AlterTableCmd>()).subtype
                        == pg_sys::AlterTableType::AT_DropColumn
                });
                if drops {
                    check_row_type(alter.relation);
                }
            }
            T_CreateCastStmt => {
                let create = &*statement.cast::<pg_sys::CreateCastStmt>();
                check_type(create.sourcetype);
                check_type(create.targettype);
            }
            _ => (),
        }
    }
}

/// Attributes of a composite type, and of the row type of a table.
unsafe fn check_row_type(relation: *const pg_sys::RangeVar) {
    // SAFETY: a range variable of the statement; what has no row type gives InvalidOid.
    unsafe {
        let relation = resolve(relation);
        if relation != pg_sys::InvalidOid {
            check_oid(pg_sys::get_rel_type_id(relation));
        }
    }
}

unsafe fn check_type(name: *mut pg_sys::TypeName) {
    // SAFETY: the name of a type of the statement; an unknown one gives InvalidOid.
    unsafe {
        if !name.is_null() && is_a(name.cast(), pg_sys::NodeTag::T_TypeName) {
            check_oid(pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true));
        }
    }
}

fn check_oid(oid: pg_sys::Oid) {
    // Types of the server itself belong to superusers.
    if oid.to_u32() >= pg_sys::FirstNormalObjectId {
        (table().command.rename_in_type)(oid).unwrap_or_else(|error| error.raise());
    }
}
