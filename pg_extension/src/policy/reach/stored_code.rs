//! Code of plain roles that the server hands stored values: functions in partition keys, and those of types of range. It asks no policy, and
//! whoever owns the function sees the values.

use super::stored_type::stores_type;
use crate::error::{Error, Result};
use crate::policy::cache::is_protected;
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, user};

thread_local! {
    static IN_KEY: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/code_in_key.sql")) };
    static IN_JOINED: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/code_joined.sql")) };
    static IN_FAMILY: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/code_in_family.sql")) };
    static IN_COLUMN: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/code_in_column.sql")) };
}

/// An error when a new part would have the server evaluate a key of a plain role over stored rows.
pub fn check_partition_key(parent: Oid) -> Result<()> {
    let key = IN_KEY
        .with(|statement| statement.query_one(&[oid_arg(parent)], |row| row.get::<String>(1)))
        .flatten();
    key.map_or(Ok(()), |key| Err(Error::expression_refused(&key)))
}

/// Looks at what became part of a protected family: refused to roles that policies apply to, warned of to others.
pub fn check_joined(members: &[Oid]) -> Result<()> {
    let found =
        IN_JOINED.with(|statement| statement.query(&[arg(members.to_vec())], |row| row.get::<String>(1)));
    for code in found.into_iter().flatten() {
        if !user::bypasses_policies() {
            return Err(Error::expression_refused(&code));
        }
        warn(&code);
    }
    Ok(())
}

/// Tells whoever puts a table under policy, or masks it, what code of others is handed its values.
pub fn warn_of_stored_code(table: Oid) {
    let found = IN_FAMILY.with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<String>(1)));
    for code in found.into_iter().flatten() {
        warn(&code);
    }
}

fn warn(code: &str) {
    Error::policy_bypassed(
        format!("{code} hands stored values to code of a role that is no superuser"),
        "Let a superuser own the functions: the server runs them over every row, hidden or not. See vpd.posture().",
    )
    .warn();
}

/// An error when a column that was just added has a type with such code, on a table under policy or where one stores rows of that type.
pub fn check_column(table: Oid, column: &str) -> Result<()> {
    let row_type = IN_COLUMN
        .with(|statement| statement.query_one(&[oid_arg(table), arg(column)], |row| row.get::<Oid>(1)))
        .flatten();
    match row_type {
        Some(row_type) if !user::bypasses_policies() && (is_protected(table) || stores_type(row_type).0) => {
            Err(Error::expression_refused(&format!(
                "the type of column \"{column}\""
            )))
        }
        _ => Ok(()),
    }
}
