//! Audit policies as they are stored, and how they are changed.

use super::{condition, handler, known};
use crate::error::{Error, Result};
use crate::policy::lock_table;
use crate::sys::Oid;
use crate::sys::relation::has_column;
use crate::sys::restriction::Command;
use crate::sys::spi::{arg, oid_arg, statements};

statements! {
    INSERT = "access/insert.sql";
    DELETE = "access/delete.sql";
    ENABLE = "access/enable.sql";
    HANDLER_NAMED = "access/handler_named.sql";
}

const MAX_NAME: usize = 128;

/// What an audit policy says.
pub struct Definition {
    pub columns: Option<Vec<String>>,
    /// Whether a statement must name all of the columns.
    pub needs_all_columns: bool,
    /// The rows that it asks for.
    pub condition: Option<String>,
    pub commands: Vec<String>,
    pub mode: String,
    /// A function that is called.
    pub handler: Option<Oid>,
    /// Whether the statement is recorded, with its constants left out.
    pub tells_statement: bool,
    pub is_enabled: bool,
}

/// Adds an audit policy to a table.
pub fn add(table: Oid, name: &str, definition: &Definition) -> Result<()> {
    lock_table(table)?;
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::argument(
            "the name of the audit policy is not usable",
            "Use 1 to 128 characters, none of them a control character.",
        ));
    }
    if !matches!(definition.mode.as_str(), "async" | "strict") {
        return Err(Error::argument("there is no such mode", "Use async or strict."));
    }
    let is_command = |name: &String| Command::OF_ROWS.iter().any(|command| command.name() == name);
    if definition.commands.is_empty() || !definition.commands.iter().all(is_command) {
        return Err(Error::argument(
            "the commands are not usable",
            "Use some of select, insert, update, delete.",
        ));
    }
    check_columns(table, definition.columns.as_deref())?;
    if let Some(condition) = &definition.condition {
        condition::check(table, condition)?;
    }
    let handler = definition.handler.map(handler::checked).transpose()?;
    let handler = |part: usize| arg(handler.as_ref().map(|parts| parts[part].clone()));
    let args = [
        oid_arg(table),
        arg(name),
        arg(definition.columns.clone()),
        arg(definition.commands.clone()),
        arg(definition.mode.as_str()),
        arg(definition.is_enabled),
        arg(definition.needs_all_columns),
        arg(definition.condition.as_deref()),
        handler(0),
        handler(1),
        arg(definition.tells_statement),
        handler(2),
    ];
    if INSERT.with(|statement| statement.execute(&args)) == 0 {
        return Err(Error::audit_policy_exists());
    }
    known::announce(table);
    Ok(())
}

fn check_columns(table: Oid, columns: Option<&[String]>) -> Result<()> {
    let Some(columns) = columns else { return Ok(()) };
    if columns.is_empty() {
        return Err(Error::argument(
            "columns is an empty list",
            "Name columns, or leave it out for all of them.",
        ));
    }
    match columns.iter().find(|column| !has_column(table, column)) {
        None => Ok(()),
        Some(column) => Err(Error::column_not_found(column)),
    }
}

/// The function of a name that can be a handler.
pub fn handler_named(schema: &str, name: &str) -> Result<Oid> {
    HANDLER_NAMED
        .with(|statement| statement.query_one(&[arg(schema), arg(name)], |row| row.get::<Oid>(1)))
        .flatten()
        .ok_or_else(|| {
            Error::not_found(
                "function_not_found",
                format!("there is no function {schema}.{name} that can be a handler"),
                handler::SIGNATURE,
            )
        })
}

/// Drops one.
pub fn drop_policy(table: Oid, name: &str) -> Result<()> {
    lock_table(table)?;
    if DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(name)])) == 0 {
        return Err(no_such_policy());
    }
    known::announce(table);
    Ok(())
}

/// Switches one on or off. Nobody plans with half of it: who plans holds the table.
pub fn enable(table: Oid, name: &str, is_enabled: bool) -> Result<()> {
    lock_table(table)?;
    let args = [oid_arg(table), arg(name), arg(is_enabled)];
    if ENABLE.with(|statement| statement.execute(&args)) == 0 {
        return Err(no_such_policy());
    }
    known::announce(table);
    Ok(())
}

fn no_such_policy() -> Error {
    Error::not_found(
        "audit_policy_not_found",
        "the table has no such audit policy",
        "See the view vpd.audit_policies.",
    )
}
