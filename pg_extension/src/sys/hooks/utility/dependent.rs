//! Objects made over a protected table that show its rows to others, or are handed them: triggers, PostgreSQL's own policies, views,
//! rules, publications, children of two parents.

use crate::error::Error;
use crate::sys::extension;
use crate::sys::hooks::named::{dropped, is_restricted, resolve, resolve_owned, resolve_restricted};
use crate::sys::list::elements;
use crate::sys::table::table;
use pgrx::{is_a, pg_sys};
use std::ffi::CStr;

/// Raises before a statement that a role under policies may not run.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn check(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            T_CreateTrigStmt => check_trigger((*statement.cast::<pg_sys::CreateTrigStmt>()).relation),
            T_CreatePolicyStmt => check_native_policy((*statement.cast::<pg_sys::CreatePolicyStmt>()).table),
            T_AlterPolicyStmt => check_native_policy((*statement.cast::<pg_sys::AlterPolicyStmt>()).table),
            T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                if rename.renameType == pg_sys::ObjectType::OBJECT_POLICY {
                    check_native_policy(rename.relation);
                }
            }
            T_DropStmt => check_drop(&*statement.cast::<pg_sys::DropStmt>()),
            T_CreateStmt => check_parents((*statement.cast::<pg_sys::CreateStmt>()).inhRelations),
            T_RefreshMatViewStmt => {
                check_reader(resolve(
                    (*statement.cast::<pg_sys::RefreshMatViewStmt>()).relation,
                ));
            }
            _ => (),
        }
    }
}

/// True for statements that [`check_made`] looks at.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn is_made_by(statement: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: every node begins with its tag.
    let tag = unsafe { (*statement).type_ };
    matches!(
        tag,
        T_ViewStmt
            | T_RuleStmt
            | T_CreateTableAsStmt
            | T_AlterTableStmt
            | T_RenameStmt
            | T_DropStmt
            | T_DropOwnedStmt
            | T_ReassignOwnedStmt
            | T_CreatePublicationStmt
            | T_AlterPublicationStmt
    )
}

/// Whether a statement may take the name of a column away or give it to another. A column goes with its type as well.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn is_changing_columns(statement: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    let behavior = unsafe {
        match (*statement).type_ {
            T_AlterTableStmt | T_RenameStmt => return true,
            T_DropStmt => (*statement.cast::<pg_sys::DropStmt>()).behavior,
            T_DropOwnedStmt => (*statement.cast::<pg_sys::DropOwnedStmt>()).behavior,
            _ => return false,
        }
    };
    behavior == pg_sys::DropBehavior::DROP_CASCADE
}

/// Columns are looked at as the command left them.
unsafe fn check_columns() {
    // SAFETY: as the server does before it calls event triggers: the command is over.
    unsafe { pg_sys::CommandCounterIncrement() }
    (table().change.columns_changed)().unwrap_or_else(|error| error.raise());
}

/// The type of a new column is looked at as it was resolved: its name may have been another's before the command.
unsafe fn check_added(statement: &pg_sys::AlterTableStmt) {
    // SAFETY: lists of the statement; the definition of a column to add is a ColumnDef.
    unsafe {
        for command in elements(statement.cmds) {
            let command = &*command.cast::<pg_sys::AlterTableCmd>();
            if command.subtype != pg_sys::AlterTableType::AT_AddColumn
                || !is_a(command.def, pg_sys::NodeTag::T_ColumnDef)
                || !extension::is_installed()
            {
                continue;
            }
            let relation = resolve(statement.relation);
            if relation != pg_sys::InvalidOid {
                let column = CStr::from_ptr((*command.def.cast::<pg_sys::ColumnDef>()).colname);
                (table().change.column_added)(relation, &column.to_string_lossy())
                    .unwrap_or_else(|error| error.raise());
            }
        }
    }
}

/// Looks at what a statement made: raises, which undoes it, or warns.
///
/// # Safety
/// A valid utility statement that has run.
pub unsafe fn check_made(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            T_ViewStmt => check_reader(created((*statement.cast::<pg_sys::ViewStmt>()).view)),
            T_RuleStmt => check_reader(resolve((*statement.cast::<pg_sys::RuleStmt>()).relation)),
            T_CreateTableAsStmt => {
                let create = &*statement.cast::<pg_sys::CreateTableAsStmt>();
                if create.objtype == pg_sys::ObjectType::OBJECT_MATVIEW {
                    check_reader(created((*create.into).rel));
                }
            }
            // The grammar takes ALTER TABLE for views as well.
            T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                if changes_reader(alter) {
                    check_reader(resolve(alter.relation));
                }
                check_columns();
                check_added(alter);
            }
            T_RenameStmt => check_columns(),
            T_DropStmt | T_DropOwnedStmt if is_changing_columns(statement) => check_columns(),
            T_ReassignOwnedStmt if extension::is_installed() => {
                let reassign = &*statement.cast::<pg_sys::ReassignOwnedStmt>();
                let owner = pg_sys::get_rolespec_oid(reassign.newrole, false);
                pg_sys::CommandCounterIncrement();
                (table().change.owner_changed)(owner).unwrap_or_else(|error| error.raise());
            }
            T_CreatePublicationStmt => {
                check_publication((*statement.cast::<pg_sys::CreatePublicationStmt>()).pubname);
            }
            T_AlterPublicationStmt => {
                let alter = &*statement.cast::<pg_sys::AlterPublicationStmt>();
                let is_adding = alter.for_all_tables || !alter.pubobjects.is_null();
                if is_adding && alter.action != pg_sys::AlterPublicationAction::AP_DropObjects {
                    check_publication(alter.pubname);
                }
            }
            _ => (),
        }
    }
}

/// The owner may: a trigger of the owner's is part of the table.
unsafe fn check_trigger(relation: *const pg_sys::RangeVar) {
    // SAFETY: a range variable of the statement; a catalogue look-up of the current user.
    unsafe {
        if let Some(oid) = resolve_restricted(relation)
            && !pg_sys::pg_class_ownercheck(oid, pg_sys::GetUserId())
        {
            Error::trigger_refused().raise();
        }
    }
}

unsafe fn check_native_policy(relation: *const pg_sys::RangeVar) {
    // SAFETY: a range variable of the statement; commands on policies take this lock.
    if unsafe { resolve_owned(relation, pg_sys::AccessExclusiveLock as i32) }.is_some() {
        Error::native_policy_refused().raise();
    }
}

unsafe fn check_drop(statement: &pg_sys::DropStmt) {
    if statement.removeType != pg_sys::ObjectType::OBJECT_POLICY {
        return;
    }
    // SAFETY: each object is a list of String nodes: the name of the table and then that of the policy.
    unsafe {
        for (relation, _) in dropped(statement.objects) {
            check_native_policy(relation);
        }
    }
}

/// Rows are read through a parent under the parent's policies: a child of a protected table may not get an unprotected parent too.
unsafe fn check_parents(parents: *mut pg_sys::List) {
    // SAFETY: a list of RangeVar nodes.
    unsafe {
        let mut protected = false;
        let mut open = false;
        for parent in elements(parents) {
            if is_a(parent, pg_sys::NodeTag::T_RangeVar) {
                let is_protected = is_restricted(parent.cast::<pg_sys::RangeVar>());
                protected |= is_protected;
                open |= !is_protected;
            }
        }
        if protected && open {
            Error::unprotecting_refused().raise();
        }
    }
}

/// The relation a statement made, where it made it: another of that name may come first on the search path.
unsafe fn created(relation: *const pg_sys::RangeVar) -> pg_sys::Oid {
    if !extension::is_installed() {
        return pg_sys::InvalidOid;
    }
    // SAFETY: a range variable of the statement.
    unsafe {
        let oid = pg_sys::get_relname_relid(
            (*relation).relname,
            pg_sys::RangeVarGetCreationNamespace(relation),
        );
        if oid == pg_sys::InvalidOid {
            resolve(relation)
        } else {
            oid
        }
    }
}

fn check_reader(relation: pg_sys::Oid) {
    if relation != pg_sys::InvalidOid && extension::is_installed() {
        (table().change.reader_made)(relation).unwrap_or_else(|error| error.raise());
    }
}

unsafe fn changes_reader(statement: &pg_sys::AlterTableStmt) -> bool {
    use pg_sys::AlterTableType as Change;
    // SAFETY: a list of AlterTableCmd nodes.
    unsafe {
        elements(statement.cmds).any(|command| {
            matches!(
                (*command.cast::<pg_sys::AlterTableCmd>()).subtype,
                Change::AT_ChangeOwner
                    | Change::AT_SetRelOptions
                    | Change::AT_ResetRelOptions
                    | Change::AT_ReplaceRelOptions
            )
        })
    }
}

unsafe fn check_publication(name: *const std::ffi::c_char) {
    if !extension::is_installed() {
        return;
    }
    // SAFETY: a NUL-terminated name of the statement.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    (table().change.published)(&name).unwrap_or_else(|error| error.raise());
}
