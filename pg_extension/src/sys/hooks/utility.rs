//! Utility commands that row security does not reach, or whose results would outlive the session.

use super::named::{is_guard, is_restricted, resolve, resolve_restricted};
use super::{foreign_session, function_call, inheritance, own_trigger, server};
use crate::error::Error;
use crate::sys::list::{elements, nth, string};
use crate::sys::table::table;
use crate::sys::{extension, lock, sealed_type, spi, user, xact};
use pgrx::{is_a, pg_guard, pg_sys};

mod copied;
mod database;
mod defence;
mod dependent;
mod dump;
mod expression;
mod sealed_column;
mod stored_type;

static mut NEXT: pg_sys::ProcessUtility_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(utility);
    }
}

unsafe extern "C-unwind" fn utility(
    planned: *mut pg_sys::PlannedStmt,
    text: *const std::ffi::c_char,
    is_read_only_tree: bool,
    level: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    receiver: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: the server passes a valid utility statement; what it passed is passed on. Nothing in this frame wants to be dropped.
    unsafe {
        // One that is kept for its next execution, by a function for instance, is changed by nobody: the server makes this copy too.
        let planned = if is_read_only_tree {
            own_copy(planned)
        } else {
            planned
        };
        let is_read_only_tree = false;
        let statement = (*planned).utilityStmt;
        let due = if xact::is_in_progress() {
            before_utility(statement)
        } else {
            Due::Ends
        };
        if due == Due::Done {
            return;
        }
        chained!(match NEXT {
            Some(next) => next(
                planned,
                text,
                is_read_only_tree,
                level,
                params,
                environment,
                receiver,
                completion
            ),
            None => server::standard_ProcessUtility(
                planned,
                text,
                is_read_only_tree,
                level,
                params,
                environment,
                receiver,
                completion,
            ),
        });
        if due != Due::Ends {
            sealed_type::definition_over();
            follow_joined();
        }
        match due {
            Due::Nothing | Due::Done | Due::Ends => (),
            Due::Look => look_at_made(statement),
            Due::Forget => forget(),
            Due::Loaded => dump::leave_load(),
            Due::Copied => copied(),
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn own_copy(planned: *mut pg_sys::PlannedStmt) -> *mut pg_sys::PlannedStmt {
    // SAFETY: a valid statement; the copy lives as long as the command.
    unsafe { pg_sys::copyObjectImpl(planned.cast()).cast() }
}

/// What is left to do after a command. Told before it, because some commands free their own statement.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Due {
    Nothing,
    /// The transaction has failed and the command ends it, or goes back in it: the catalogue cannot be read, and what is locked now is never let go.
    Ends,
    /// It is not run: what it makes is there.
    Done,
    /// It may have made something that shows rows of a protected table.
    Look,
    /// Nothing of a session may be left.
    Forget,
    /// It loads rows of a dump into a table of the extension.
    Loaded,
    /// It copies a whole table.
    Copied,
}

#[pg_guard]
unsafe extern "C-unwind" fn before_utility(statement: *mut pg_sys::Node) -> Due {
    // SAFETY: the utility statement the server passed, read as the type its tag says.
    unsafe {
        let statement = executed(statement);
        foreign_session::command_reached(statement);
        let is_ours = spi::is_internal();
        if !is_ours {
            // These two lock what they look at, so they come before everything that looks names up.
            expression::check(statement);
            stored_type::check(statement);
            dependent::check(statement);
            own_trigger::check(statement);
            database::make_way(statement);
            sealed_column::name_columns(statement);
            if sealed_column::stores_expressions(statement) {
                sealed_type::definition_begins();
            }
            before(statement);
            // A read-only transaction will refuse the command itself.
            let is_changing = dependent::is_changing_columns(statement) && !pg_sys::XactReadOnly;
            if is_changing && !extension::is_being_created() {
                (table().change.columns_change)();
            }
            if dump::is_made_already(statement) {
                pgrx::notice!("pg_vpd has put this on the table already, skipping");
                return Due::Done;
            }
            if dump::enter_load(statement) {
                return Due::Loaded;
            }
            copied::read_as_query(statement);
            copied::tell(statement);
            if copied::starts(statement) {
                return Due::Copied;
            }
        }
        if is_a(statement, pg_sys::NodeTag::T_DiscardStmt)
            && (*statement.cast::<pg_sys::DiscardStmt>()).target == pg_sys::DiscardMode::DISCARD_ALL
        {
            Due::Forget
        } else if !is_ours && (dependent::is_made_by(statement) || defence::is_touched_by(statement)) {
            Due::Look
        } else {
            Due::Nothing
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn look_at_made(statement: *mut pg_sys::Node) {
    if !extension::is_being_created() {
        // SAFETY: a command that defines something keeps its statement.
        unsafe {
            let statement = executed(statement);
            if is_a(statement, pg_sys::NodeTag::T_AlterTableStmt) {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                if dump::is_forcing(alter) && extension::is_installed() {
                    pg_sys::CommandCounterIncrement();
                    let relation = resolve(alter.relation);
                    if relation != pg_sys::InvalidOid {
                        (table().change.forced)(relation);
                    }
                }
            }
            dependent::check_made(statement);
            pg_sys::CommandCounterIncrement();
            sealed_column::check_altered(statement);
            defence::check_made(statement);
        }
    }
}

/// Looks at the partitions and children that the command made or attached: at the end of the innermost command, so that none is left
/// open while an outer one goes on.
#[pg_guard]
unsafe extern "C-unwind" fn follow_joined() {
    if spi::is_internal() {
        return;
    }
    let joined = inheritance::take_joined();
    if joined.is_empty() || !extension::is_installed() || extension::is_being_created() {
        return;
    }
    // SAFETY: as the server does before it calls event triggers: the command is over.
    unsafe { pg_sys::CommandCounterIncrement() }
    (table().change.joined)(&joined).unwrap_or_else(|error| error.raise());
}

/// What the server executes: EXPLAIN ANALYZE of a command that makes a table is that command, and nobody calls it one.
unsafe fn executed(statement: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: each node is read as the type its tag says; EXPLAIN holds an analyzed query.
    unsafe {
        if !is_a(statement, pg_sys::NodeTag::T_ExplainStmt) {
            return statement;
        }
        let explain = &*statement.cast::<pg_sys::ExplainStmt>();
        let is_analyzing = elements(explain.options).fold(false, |known, option| {
            let option = option.cast::<pg_sys::DefElem>();
            if std::ffi::CStr::from_ptr((*option).defname) == c"analyze" {
                pg_sys::defGetBoolean(option)
            } else {
                known
            }
        });
        if !is_analyzing || !is_a(explain.query, pg_sys::NodeTag::T_Query) {
            return statement;
        }
        let inner = (*explain.query.cast::<pg_sys::Query>()).utilityStmt;
        if !inner.is_null() && is_a(inner, pg_sys::NodeTag::T_CreateTableAsStmt) {
            inner
        } else {
            statement
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn copied() {
    (table().statement.copied)();
}

#[pg_guard]
unsafe extern "C-unwind" fn forget() {
    function_call::transaction_ended();
    (table().transaction.discarded)();
}

unsafe fn before(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            // What these run may reach no start of a statement: rows that are copied in, expressions of a procedural language.
            T_CopyStmt | T_DoStmt | T_CallStmt => {
                (table().statement.command_starts)().unwrap_or_else(|error| error.raise());
            }
            T_DeclareCursorStmt => {
                let options = (*statement.cast::<pg_sys::DeclareCursorStmt>()).options;
                if options & pg_sys::CURSOR_OPT_HOLD as i32 != 0 {
                    (table().session.may_hold_cursor)().unwrap_or_else(|error| error.raise());
                }
            }
            T_CreateStmt => {
                let create = &*statement.cast::<pg_sys::CreateStmt>();
                check_temporary(create.relation, create.oncommit);
                check_references(create.tableElts);
            }
            T_CreateTableAsStmt => {
                let create = &*statement.cast::<pg_sys::CreateTableAsStmt>();
                check_temporary((*create.into).rel, (*create.into).onCommit);
            }
            T_IndexStmt => check_index((*statement.cast::<pg_sys::IndexStmt>()).relation),
            T_AlterTableStmt => check_alter_table(&*statement.cast::<pg_sys::AlterTableStmt>()),
            T_CreatePolicyStmt => check_guard((*statement.cast::<pg_sys::CreatePolicyStmt>()).policy_name),
            T_AlterPolicyStmt => check_guard((*statement.cast::<pg_sys::AlterPolicyStmt>()).policy_name),
            T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                if rename.renameType == pg_sys::ObjectType::OBJECT_POLICY {
                    check_guard(rename.subname);
                    check_guard(rename.newname);
                }
            }
            T_DropStmt => before_drop(&*statement.cast::<pg_sys::DropStmt>()),
            _ => (),
        }
    }
}

/// A temporary table filled under one session would be read by the next.
unsafe fn check_temporary(relation: *const pg_sys::RangeVar, on_commit: pg_sys::OnCommitAction::Type) {
    if !(table().session.is_attached)() {
        return;
    }
    // SAFETY: a range variable of the statement; the namespace is the one the command itself will choose.
    let is_temporary = unsafe {
        (*relation).relpersistence == pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char
            || pg_sys::isTempNamespace(pg_sys::RangeVarGetCreationNamespace(relation))
    };
    if is_temporary && on_commit != pg_sys::OnCommitAction::ONCOMMIT_DROP {
        (table().session.may_keep_temporary_table)().unwrap_or_else(|error| error.raise());
    }
}

/// The function of an index sees every row.
unsafe fn check_index(relation: *const pg_sys::RangeVar) {
    // SAFETY: a range variable of the statement.
    if let Some(oid) = unsafe { resolve_restricted(relation) } {
        (table().command.create_index)(oid).unwrap_or_else(|error| error.raise());
    }
}

/// A foreign key asks for rows past their policies and so tells which exist.
unsafe fn check_references(elements: *mut pg_sys::List) {
    // SAFETY: a list of table elements.
    unsafe {
        let count = if elements.is_null() { 0 } else { (*elements).length };
        for index in 0..count {
            check_reference(nth(elements, index));
        }
    }
}

/// Looks at a constraint, or at the constraints of a column.
unsafe fn check_reference(element: *mut pg_sys::Node) {
    if element.is_null() {
        return;
    }
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        if is_a(element, pg_sys::NodeTag::T_ColumnDef) {
            check_references((*element.cast::<pg_sys::ColumnDef>()).constraints);
        } else if is_a(element, pg_sys::NodeTag::T_Constraint) {
            let constraint = &*element.cast::<pg_sys::Constraint>();
            // ALTER CONSTRAINT speaks of a foreign key that exists, and names no table.
            let is_new =
                constraint.contype == pg_sys::ConstrType::CONSTR_FOREIGN && !constraint.pktable.is_null();
            if is_new && is_restricted(constraint.pktable) {
                Error::reference_refused().raise();
            }
        }
    }
}

/// Row security is what the policies stand on: nobody but a superuser may switch it off under them.
unsafe fn check_alter_table(statement: &pg_sys::AlterTableStmt) {
    // SAFETY: a list of AlterTableCmd nodes.
    unsafe {
        let count = if statement.cmds.is_null() {
            0
        } else {
            (*statement.cmds).length
        };
        for index in 0..count {
            let command = nth(statement.cmds, index).cast::<pg_sys::AlterTableCmd>();
            check_reference((*command).def);
            check_parent(statement.relation, &*command);
            let is_switching_off = matches!(
                (*command).subtype,
                pg_sys::AlterTableType::AT_DisableRowSecurity | pg_sys::AlterTableType::AT_NoForceRowSecurity
            );
            if is_switching_off && is_restricted(statement.relation) {
                Error::unprotecting_refused().raise();
            }
        }
    }
}

/// Rows are read through a parent under the parent's policies: a protected table may not get an unprotected parent.
unsafe fn check_parent(relation: *const pg_sys::RangeVar, command: &pg_sys::AlterTableCmd) {
    // SAFETY: the definitions are of the types these sub-commands have.
    unsafe {
        let (parent, child) = match command.subtype {
            pg_sys::AlterTableType::AT_AddInherit => {
                (command.def.cast_const().cast::<pg_sys::RangeVar>(), relation)
            }
            pg_sys::AlterTableType::AT_AttachPartition => (
                relation,
                (*command.def.cast::<pg_sys::PartitionCmd>()).name.cast_const(),
            ),
            _ => return,
        };
        if is_restricted(child) && !is_restricted(parent) {
            Error::unprotecting_refused().raise();
        }
    }
}

/// The guard is what denies when the library is absent, and a table that has it is under policy: nobody but a superuser may make or change it.
unsafe fn check_guard(policy: *const std::ffi::c_char) {
    // SAFETY: a name of the statement.
    if unsafe { is_guard(policy) } && !user::is_superuser() && extension::is_installed() {
        Error::unprotecting_refused().raise();
    }
}

/// DROP EXTENSION … CASCADE gives tables back what protecting them changed; dropping the guard alone is refused.
unsafe fn before_drop(statement: &pg_sys::DropStmt) {
    // SAFETY: for extensions the objects are String nodes; for policies, lists of String nodes of which the last is the policy.
    unsafe {
        let count = if statement.objects.is_null() {
            0
        } else {
            (*statement.objects).length
        };
        for index in 0..count {
            let object = nth(statement.objects, index);
            if statement.removeType == pg_sys::ObjectType::OBJECT_EXTENSION {
                let is_ours = string(object) == "pg_vpd";
                let is_cascade = statement.behavior == pg_sys::DropBehavior::DROP_CASCADE;
                if is_ours && is_cascade && user::is_superuser() && extension::is_installed() {
                    lock::hold_off_purges();
                    (table().change.extension_dropped)();
                }
            } else if statement.removeType == pg_sys::ObjectType::OBJECT_POLICY {
                let names = object.cast::<pg_sys::List>();
                let last = nth(names, (*names).length - 1);
                check_guard((*last.cast::<pg_sys::String>()).sval);
            }
        }
    }
}
