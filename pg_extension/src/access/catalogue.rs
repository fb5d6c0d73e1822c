//! Audit policies as they are stored, and how they are changed.

use super::known;
use crate::error::{Error, Result};
use crate::policy::lock_table;
use crate::sys::Oid;
use crate::sys::relation::has_column;
use crate::sys::spi::{arg, oid_arg, statements};

statements! {
    INSERT = "access/insert.sql";
    DELETE = "access/delete.sql";
    ENABLE = "access/enable.sql";
}

const MAX_NAME: usize = 128;

/// What an audit policy says.
pub struct Definition {
    pub columns: Option<Vec<String>>,
    pub commands: Vec<String>,
    pub mode: String,
    pub is_enabled: bool,
}

/// Adds an audit policy to a table.
pub fn add(table: Oid, name: &str, definition: &Definition) -> Result<()> {
    lock_table(table)?;
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::argument(
            "the name of the audit policy is not usable",
            "Use 1 to 128 characters, none of them a control character.",
        ));
    }
    if !matches!(definition.mode.as_str(), "async" | "strict") {
        return Err(Error::argument("there is no such mode", "Use async or strict."));
    }
    let is_command = |command: &String| matches!(command.as_str(), "select" | "insert" | "update" | "delete");
    if definition.commands.is_empty() || !definition.commands.iter().all(is_command) {
        return Err(Error::argument(
            "the commands are not usable",
            "Use some of select, insert, update, delete.",
        ));
    }
    if let Some(columns) = &definition.columns
        && (columns.is_empty() || !columns.iter().all(|column| has_column(table, column)))
    {
        return Err(Error::not_found(
            "column_not_found",
            "the table has no such column",
            "Name columns of the table, or none for all of them.",
        ));
    }
    let args = [
        oid_arg(table),
        arg(name),
        arg(definition.columns.clone()),
        arg(definition.commands.clone()),
        arg(definition.mode.as_str()),
        arg(definition.is_enabled),
    ];
    if INSERT.with(|statement| statement.execute(&args)) == 0 {
        return Err(Error::audit_policy_exists());
    }
    known::announce();
    Ok(())
}

/// Drops one.
pub fn drop_policy(table: Oid, name: &str) -> Result<()> {
    if DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(name)])) == 0 {
        return Err(no_such_policy());
    }
    known::announce();
    Ok(())
}

/// Switches one on or off.
pub fn enable(table: Oid, name: &str, is_enabled: bool) -> Result<()> {
    let args = [oid_arg(table), arg(name), arg(is_enabled)];
    if ENABLE.with(|statement| statement.execute(&args)) == 0 {
        return Err(no_such_policy());
    }
    known::announce();
    Ok(())
}

fn no_such_policy() -> Error {
    Error::not_found(
        "audit_policy_not_found",
        "the table has no such audit policy",
        "See the view vpd.audit_policies.",
    )
}
