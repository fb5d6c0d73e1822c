//! Former versions of policies and proposed ones, which are called shadows: they restrict nothing until they are promoted.

use super::catalogue::{self, Definition};
use super::family::{announce, lock_table};
use super::name::function_named;
use super::warning;
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::predicate::compile;
use crate::sys::spi::{Row, Statement, arg, oid_arg};

thread_local! {
    static UPSERT: Statement = const { Statement::new(include_str!("../../../sql/query/policy/shadow_upsert.sql")) };
    static SHADOWS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/shadows.sql")) };
    static DELETE: Statement = const { Statement::new(include_str!("../../../sql/query/policy/shadow_delete.sql")) };
    static VERSION: Statement = const { Statement::new(include_str!("../../../sql/query/policy/version.sql")) };
    static ROLL_BACK: Statement = const { Statement::new(include_str!("../../../sql/query/policy/roll_back.sql")) };
}

/// A proposed definition of a policy.
pub struct Shadow {
    pub policy: String,
    pub predicate: Option<String>,
    pub function: Option<(String, String)>,
    pub kind: Option<String>,
    pub statement_types: Option<Vec<String>>,
    pub is_update_checked: Option<bool>,
    pub relevant_columns: Option<Vec<String>>,
}

/// Proposes a definition.
pub fn shadow(table: Oid, name: &str, definition: &Definition) -> Result<()> {
    lock_table(table)?;
    let checked = catalogue::check(table, name, definition)?;
    let (schema, function) = checked.function.unzip();
    UPSERT.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(name),
            arg(definition.predicate.as_deref()),
            arg(schema),
            arg(function),
            arg(checked.kind),
            arg(checked.statement_types),
            arg(definition.update_check),
            arg(checked.relevant_columns),
        ])
    });
    Ok(())
}

/// Drops a proposal.
pub fn drop_shadow(table: Oid, name: &str) -> Result<()> {
    lock_table(table)?;
    if DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(name)])) == 0 {
        return Err(Error::shadow_not_found());
    }
    Ok(())
}

/// Puts a proposal in force.
pub fn promote(table: Oid, name: &str) -> Result<()> {
    lock_table(table)?;
    let proposed = shadows(table, Some(name))
        .pop()
        .ok_or_else(Error::shadow_not_found)?;
    let function = proposed
        .function
        .map(|(schema, function)| function_named(&schema, &function))
        .transpose()?;
    let definition = Definition {
        predicate: proposed.predicate,
        function,
        kind: proposed.kind,
        statement_types: proposed.statement_types,
        update_check: proposed.is_update_checked,
        relevant_columns: proposed.relevant_columns,
        ..Definition::default()
    };
    if catalogue::exists(table, name) {
        catalogue::alter(table, name, &definition)?;
    } else {
        catalogue::add(table, name, &definition)?;
    }
    drop_shadow(table, name)
}

/// The proposals for a table: all, or one.
pub fn shadows(table: Oid, name: Option<&str>) -> Vec<Shadow> {
    let read = |row: &Row| Shadow {
        policy: row.required(1),
        predicate: row.get(2),
        function: row.get::<String>(3).zip(row.get::<String>(4)),
        kind: row.get(5),
        statement_types: row.get(6),
        is_update_checked: row.get(7),
        relevant_columns: row.get(8),
    };
    SHADOWS.with(|statement| statement.query(&[oid_arg(table), arg(name)], read))
}

/// Gives a policy the definition of a former version, by default of the one before the newest; returns the version taken.
pub fn roll_back(table: Oid, name: &str, version: Option<i32>) -> Result<i32> {
    lock_table(table)?;
    let found = VERSION.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(name), arg(version)], |row| {
            (row.required::<i32>(1), row.get::<String>(2))
        })
    });
    let Some((version, predicate)) = found else {
        return Err(Error::version_not_found(name));
    };
    if let Some(predicate) = predicate {
        warning::warn(&compile(table, &predicate, None)?);
    }
    ROLL_BACK.with(|statement| statement.execute(&[oid_arg(table), arg(name), arg(version)]));
    announce(table);
    Ok(version)
}
