//! Which tables have audit columns: adding, changing, taking back, and following the application's DDL.

use super::family::{announce, put_triggers, take_triggers};
use super::membership;
use super::pseudonym::Identification;
use crate::authz::{change, owner};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, oid_arg, run_command, statements};
use crate::sys::{Oid, relation};
use serde_json::json;
use std::collections::HashSet;

statements! {
    RELATION = "audit/relation.sql";
    COLUMN = "audit/column.sql";
    ADD_COLUMN = "audit/add_column.sql";
    DEFINE = "audit/define.sql";
    DEFINE_COLUMN = "audit/define_column.sql";
    UNDEFINE = "audit/undefine.sql";
    ACTIONS = "segregation/protected_actions.sql";
    RESTED_ON = "audit/rested_on.sql";
    FOLLOW_COLUMNS = scanning "audit/follow_columns.sql";
}

/// The audit columns of a table, by name.
pub struct Columns {
    pub created_by: String,
    pub created_at: String,
    pub created_login: String,
    pub updated_by: String,
    pub updated_at: String,
    pub updated_login: String,
}

impl Columns {
    /// Each with its purpose and whether it holds a moment.
    fn all(&self) -> [(&'static str, &str, bool); 6] {
        [
            ("created_by", &self.created_by, false),
            ("created_at", &self.created_at, true),
            ("created_login", &self.created_login, false),
            ("updated_by", &self.updated_by, false),
            ("updated_at", &self.updated_at, true),
            ("updated_login", &self.updated_login, false),
        ]
    }
}

/// Keeps the audit columns of a table from now on; adds those that are missing.
pub fn track(table: Oid, columns: &Columns, identification: Identification) -> Result<()> {
    let name = lock_table(table)?;
    let names: HashSet<&str> = columns.all().iter().map(|(_, column, _)| *column).collect();
    if names.len() < columns.all().len() {
        return Err(Error::argument(
            "two audit columns have the same name",
            "Name six different columns.",
        ));
    }
    DEFINE.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(identification.as_str()),
            arg(change::author()),
        ])
    });
    for (purpose, column, is_moment) in columns.all() {
        let number = match number_of(table, column, is_moment)? {
            Some(number) => number,
            None => {
                add(table, column, is_moment);
                number_of(table, column, is_moment)?.ok_or_else(|| Error::column_not_found(column))?
            }
        };
        DEFINE_COLUMN
            .with(|statement| statement.execute(&[oid_arg(table), arg(purpose), arg(column), arg(number)]));
    }
    put_triggers(Some(table));
    membership::note();
    announce(table);
    change::record(
        "track",
        &format!("table:{name}"),
        json!({ "identity": identification.as_str() }),
    );
    Ok(())
}

/// Leaves the columns to whoever writes them.
pub fn untrack(table: Oid) -> Result<()> {
    let name = lock_table(table)?;
    let actions =
        ACTIONS.with(|statement| statement.query(&[oid_arg(table)], |row| row.required::<String>(1)));
    owner::require_free_actions(&actions)?;
    if RESTED_ON
        .with(|statement| statement.query_one(&[oid_arg(table)], |_| ()))
        .is_some()
    {
        return Err(Error::not_ready(
            "a protected action rests on these columns",
            "Call vpd.unprotect_action first; see the view vpd.protected_actions.",
        ));
    }
    if UNDEFINE.with(|statement| statement.execute(&[oid_arg(table)])) == 0 {
        return Err(Error::not_found(
            "table_not_tracked",
            format!("{name} has no audit columns"),
            "See the view vpd.tracked_tables.",
        ));
    }
    take_triggers(table, true);
    membership::note();
    announce(table);
    change::record("untrack", &format!("table:{name}"), json!({}));
    Ok(())
}

/// Locks a table of the application that stands for itself, and tells its name.
pub fn lock_table(table: Oid) -> Result<String> {
    let facts = RELATION.with(|statement| {
        statement.query_one(&[oid_arg(table)], |row| {
            (
                row.get::<String>(1).unwrap_or_default(),
                row.get::<String>(2).unwrap_or_default(),
                row.get::<String>(3).unwrap_or_default(),
                row.get::<bool>(4).unwrap_or(true),
                row.get::<bool>(5).unwrap_or(true),
            )
        })
    });
    let Some((kind, persistence, name, is_system, has_parent)) = facts else {
        return Err(Error::relation_not_found());
    };
    let (what, hint) = match kind.as_str() {
        _ if is_system => ("a table of the system", "Name a table of your application."),
        "r" | "p" if persistence == "t" => ("a temporary table", "Name a lasting table."),
        "r" | "p" if has_parent => (
            "a partition or child of another table",
            "Name the parent: its partitions and children follow it.",
        ),
        "r" | "p" => {
            relation::lock_exclusively(table);
            return Ok(name);
        }
        "v" | "m" => ("a view", "Name the tables under it."),
        "f" => ("a foreign table", "Do this where its rows are stored."),
        _ => ("not a table", "Name a table."),
    };
    Err(Error::wrong_relation(format!("{name} is {what}"), hint))
}

/// After tables were created, changed or dropped: new children get the triggers, renamed columns are followed.
pub fn follow_ddl() {
    follow_columns();
    membership::follow();
    put_triggers(None);
}

/// Follows renamed columns. What is not renamed keeps its name and gets the number it has here, which in a restored database is another.
pub fn follow_columns() {
    FOLLOW_COLUMNS.with(|statement| statement.execute(&[]));
}

fn number_of(table: Oid, column: &str, is_moment: bool) -> Result<Option<i16>> {
    let found = COLUMN.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(column)], |row| {
            (
                row.get::<i16>(1),
                row.get::<bool>(2).unwrap_or(false),
                row.get::<bool>(3).unwrap_or(false),
                row.get::<bool>(4).unwrap_or(true),
            )
        })
    });
    let Some((number, is_text, is_timestamp, is_generated)) = found else {
        return Ok(None);
    };
    if is_generated {
        return Err(Error::column_type(format!("column \"{column}\" is generated")));
    }
    if is_moment && !is_timestamp {
        return Err(Error::column_type(format!(
            "column \"{column}\" is not a timestamptz"
        )));
    }
    if !is_moment && !is_text {
        return Err(Error::column_type(format!("column \"{column}\" is not text")));
    }
    Ok(number)
}

fn add(table: Oid, column: &str, is_moment: bool) {
    let kind = if is_moment { "timestamptz" } else { "text" };
    let command = ADD_COLUMN
        .with(|statement| {
            statement.query_one(&[oid_arg(table), arg(column), arg(kind)], |row| {
                row.get::<String>(1)
            })
        })
        .flatten();
    if let Some(command) = command {
        run_command(&command);
    }
}
