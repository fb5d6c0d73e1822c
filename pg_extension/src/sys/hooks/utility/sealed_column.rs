//! Definitions of sealed columns. A type that names a key gets the number of its column before the server sees it; one without a key is refused, and so is a
//! table that a query would make with such a column: nothing is ever stored that no key has sealed. A sealed type stands directly in a column, so that every value
//! is found there.

use crate::error::Error;
use crate::sys::hooks::named::resolve;
use crate::sys::list::elements;
use crate::sys::query::sealed;
use crate::sys::spi::is_internal;
use crate::sys::table::table;
use crate::sys::{extension, sealed_type};
use pgrx::{is_a, pg_sys};
use std::ffi::CStr;

/// Names the columns in a definition.
///
/// # Safety
/// A valid utility statement, which may be changed.
pub unsafe fn name_columns(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        let is_of_interest = matches!(
            (*statement).type_,
            T_CreateStmt
                | T_CreateForeignTableStmt
                | T_AlterTableStmt
                | T_CompositeTypeStmt
                | T_CreateDomainStmt
                | T_CreateTableAsStmt
                | T_RefreshMatViewStmt
                | T_CreateRangeStmt
        );
        if !is_of_interest || !extension::is_installed() {
            return;
        }
        match (*statement).type_ {
            // Of a foreign table the first part is the same.
            T_CreateStmt | T_CreateForeignTableStmt => {
                of_columns((*statement.cast::<pg_sys::CreateStmt>()).tableElts);
            }
            T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                for command in elements(alter.cmds) {
                    let command = &*command.cast::<pg_sys::AlterTableCmd>();
                    of_column(command.def);
                    if command.subtype == pg_sys::AlterTableType::AT_AlterColumnType {
                        check_rewritten(alter.relation);
                        check_filled(command.def, true);
                    } else if command.subtype == pg_sys::AlterTableType::AT_AddColumn {
                        check_filled(command.def, false);
                    }
                }
            }
            T_RefreshMatViewStmt => {
                check_rewritten((*statement.cast::<pg_sys::RefreshMatViewStmt>()).relation)
            }
            // Nobody seals the bounds of a range.
            T_CreateRangeStmt => {
                for parameter in elements((*statement.cast::<pg_sys::CreateRangeStmt>()).params) {
                    let parameter = &*parameter.cast::<pg_sys::DefElem>();
                    let is_subtype = CStr::from_ptr(parameter.defname) == c"subtype";
                    if is_subtype
                        && !parameter.arg.is_null()
                        && is_a(parameter.arg, pg_sys::NodeTag::T_TypeName)
                    {
                        sealed_type::refuse(parameter.arg.cast());
                    }
                }
            }
            T_CompositeTypeStmt => {
                for definition in elements((*statement.cast::<pg_sys::CompositeTypeStmt>()).coldeflist) {
                    sealed_type::refuse((*definition.cast::<pg_sys::ColumnDef>()).typeName);
                }
            }
            // Its query was analyzed before the command began.
            T_CreateTableAsStmt => {
                let create = &*statement.cast::<pg_sys::CreateTableAsStmt>();
                if create.objtype == pg_sys::ObjectType::OBJECT_TABLE {
                    check_copied(create.query);
                }
                let is_kept = create.objtype == pg_sys::ObjectType::OBJECT_MATVIEW
                    && is_a(create.query, pg_sys::NodeTag::T_Query);
                if is_kept && sealed::has_literal(create.query.cast()) {
                    Error::literal_kept().raise();
                }
            }
            T_CreateDomainStmt => {
                sealed_type::refuse((*statement.cast::<pg_sys::CreateDomainStmt>()).typeName)
            }
            _ => (),
        }
    }
}

/// Looks at a table or type that was altered, as at one that was made.
///
/// # Safety
/// A valid utility statement, which ran.
pub unsafe fn check_altered(statement: *mut pg_sys::Node) {
    // SAFETY: a range variable of the statement; a table that is not there any more is not looked at.
    unsafe {
        if is_a(statement, pg_sys::NodeTag::T_AlterTableStmt) && extension::is_installed() {
            let relation = resolve((*statement.cast::<pg_sys::AlterTableStmt>()).relation);
            if relation != pg_sys::InvalidOid {
                sealed_type::check_made(relation);
                sealed_type::check_row_type(relation);
            }
        }
    }
}

/// A session that sees masks would have them written in the place of the values.
unsafe fn check_rewritten(relation: *const pg_sys::RangeVar) {
    // SAFETY: a range variable of the statement; what is not there gives InvalidOid, and the command its own error.
    let oid = unsafe { resolve(relation) };
    if oid != pg_sys::InvalidOid {
        for column in sealed_type::columns(oid) {
            (table().sealing.rewritable)(column.modifier).unwrap_or_else(|error| error.raise());
        }
    }
}

/// A column of a table with rows gets values from the command itself: nobody could say whom they are about, and they would be lost. The library's own command says it.
unsafe fn check_filled(definition: *mut pg_sys::Node, is_altered: bool) {
    // SAFETY: NULL, or a node that is read as the type its tag says.
    unsafe {
        if definition.is_null() || !is_a(definition, pg_sys::NodeTag::T_ColumnDef) || is_internal() {
            return;
        }
        let column = &*definition.cast::<pg_sys::ColumnDef>();
        let has_default = elements(column.constraints).any(|constraint| {
            (*constraint.cast::<pg_sys::Constraint>()).contype == pg_sys::ConstrType::CONSTR_DEFAULT
        });
        if is_altered || has_default || !column.raw_default.is_null() {
            sealed_type::check_not_about_persons(column.typeName);
        }
    }
}

/// A query makes a table, in which nothing says whom values are about.
unsafe fn check_copied(query: *mut pg_sys::Node) {
    // SAFETY: an analyzed query, or one that executes a statement which was prepared; each node is read as the type its tag says.
    unsafe {
        if query.is_null() || !is_a(query, pg_sys::NodeTag::T_Query) {
            return;
        }
        let query = &*query.cast::<pg_sys::Query>();
        let executed = query.utilityStmt;
        if !executed.is_null() && is_a(executed, pg_sys::NodeTag::T_ExecuteStmt) {
            let name = (*executed.cast::<pg_sys::ExecuteStmt>()).name;
            let prepared = pg_sys::FetchPreparedStatement(name, true);
            let description = (*(*prepared).plansource).resultDesc;
            if !description.is_null() {
                for column in crate::sys::sealed_column::columns_of(description) {
                    refuse_about_persons(column.modifier);
                }
            }
            return;
        }
        for target in elements(query.targetList) {
            let target = &*target.cast::<pg_sys::TargetEntry>();
            let value = target.expr.cast();
            if !target.resjunk && sealed_type::is_sealed(pg_sys::exprType(value)) {
                refuse_about_persons(pg_sys::exprTypmod(value));
            }
        }
    }
}

fn refuse_about_persons(modifier: i32) {
    if (table().sealing.is_per_person)(modifier).unwrap_or_else(|error| error.raise()) {
        Error::person_not_named_by_row().raise();
    }
}

unsafe fn of_columns(list: *mut pg_sys::List) {
    // SAFETY: a list of the elements of a table.
    unsafe {
        for element in elements(list) {
            of_column(element);
        }
    }
}

unsafe fn of_column(definition: *mut pg_sys::Node) {
    // SAFETY: NULL, or a node that is read as the type its tag says.
    unsafe {
        if !definition.is_null() && is_a(definition, pg_sys::NodeTag::T_ColumnDef) {
            sealed_type::name_column((*definition.cast::<pg_sys::ColumnDef>()).typeName);
        }
    }
}

/// Whether a command stores expressions as trees: literals of sealed types in them would outlive the server that can read them.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn stores_expressions(statement: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            T_CreateStmt
            | T_CreateForeignTableStmt
            | T_AlterTableStmt
            | T_ViewStmt
            | T_RuleStmt
            | T_CreatePolicyStmt
            | T_AlterPolicyStmt
            | T_CreateDomainStmt
            | T_AlterDomainStmt
            | T_CreateTrigStmt
            | T_IndexStmt
            | T_CreateStatsStmt => true,
            // A body as text is read when it runs.
            T_CreateFunctionStmt => !(*statement.cast::<pg_sys::CreateFunctionStmt>())
                .sql_body
                .is_null(),
            _ => false,
        }
    }
}
