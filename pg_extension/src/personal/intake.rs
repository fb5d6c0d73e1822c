//! Columns that come in and go out: a column in the clear becomes a sealed one, and the way back.
//!
//! One command of the server's does it, as the owner of the table: all of it or nothing, and nobody reads or writes the table meanwhile.

use super::person::{check_columns, drop_checks, person_column, require_of_application};
use crate::context;
use crate::error::{Error, Result};
use crate::sealing::{self, Renewing};
use crate::sys::spi::{arg, command_as_owner_of, oid_arg, statements};
use crate::sys::{Oid, relation};

statements! {
    INTAKE = scanning "personal/intake.sql";
}

/// A column, before it gets another type.
struct Before {
    kind: String,
    is_inherited: bool,
    sealed_type: Option<String>,
    own_type: String,
    is_computed: bool,
    modifier: i32,
    table: String,
    column: String,
    dependants: Vec<String>,
    has_index: bool,
    default: Option<String>,
    names_persons: bool,
}

impl Before {
    /// The command that gives the column another type. A default that it has is taken away, and put back as one of the new type.
    fn command(&self, kind: &str, plain_kind: &str, value: &str) -> String {
        let Self { table, column, .. } = self;
        let change = format!("ALTER COLUMN {column} TYPE {kind} USING {value}");
        match &self.default {
            None => format!("ALTER TABLE {table} {change}"),
            Some(default) => format!(
                "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT, {change}, ALTER COLUMN {column} SET DEFAULT CAST(CAST(({default}) AS text) AS {plain_kind})"
            ),
        }
    }
}

/// A column in the clear becomes a sealed one. Its plain indexes are made again, over tags.
pub fn seal_column(table: Oid, column: &str, key: &str) -> Result<()> {
    let before = looked_up(table, column)?;
    let sealed_type = match before.sealed_type.as_deref() {
        Some("") => {
            return Err(Error::wrong_relation(
                format!("column {}.{} is sealed already", before.table, before.column),
                "See the view vpd.key_usage.",
            ));
        }
        Some(sealed_type) if !before.is_computed => sealed_type,
        Some(_) => {
            return Err(Error::column_type(format!(
                "column {}.{} is computed by the server, and cannot be sealed",
                before.table, before.column
            )));
        }
        None => {
            return Err(Error::column_type(format!(
                "no sealed type holds values of type {}",
                before.own_type
            )));
        }
    };
    if before.names_persons {
        return Err(Error::wrong_relation(
            format!("column {}.{} names persons", before.table, before.column),
            "Whom sealed values are about must be known in the clear. Name persons by a number, with vpd.name_person, and seal this column then.",
        ));
    }
    let is_searchable = sealing::is_searchable(key)?;
    if before.has_index && !is_searchable {
        return Err(Error::not_searchable(key));
    }
    let modifier = sealing::modifier(&[key.to_owned()])?;
    let person = if sealing::is_per_person(modifier)? {
        Some(person_column(table)?.ok_or_else(Error::person_not_named)?)
    } else {
        None
    };
    let place = sealing::new_place(modifier)?;
    // Whatever the type is, its text is what the sealed type reads. An assignment needs no privilege of the key.
    let plain_kind = format!("vpd.{sealed_type}");
    let value = format!("CAST(CAST({} AS text) AS {plain_kind})", before.column);
    let renewing = Renewing::into_column(place)?;
    let value = match person {
        None => value,
        Some(person) => format!(
            "vpd.sealed_anew({value}, '{}:' || CAST({} AS text), '{}')",
            person.kind,
            relation::quoted(&person.name),
            renewing.permit()
        ),
    };
    let command = before.command(
        &format!("{plain_kind}({}, {place})", relation::quoted(key)),
        &plain_kind,
        &value,
    );
    // What others wrote runs with the command, such as conditions of indexes, and sees nobody's session.
    context::without_session(|| command_as_owner_of(table, &command, renewing.permit()));
    drop(renewing);
    check_columns(table)
}

/// A sealed column becomes one in the clear, for a session with the privilege of its key.
pub fn unseal_column(table: Oid, column: &str) -> Result<()> {
    let before = looked_up(table, column)?;
    if before.sealed_type.as_deref() != Some("") {
        return Err(Error::wrong_relation(
            format!("column {}.{} is not sealed", before.table, before.column),
            "See the view vpd.key_usage.",
        ));
    }
    sealing::require_open_place(before.modifier)?;
    sealing::column_met(before.modifier, table, before.table.clone(), column.to_owned());
    drop_checks(table, Some(column));
    let (_opening, permit) = sealing::Opening::begin(before.modifier)?;
    let value = format!(
        "CAST(vpd.sealed_opened({}, '{permit}') AS {})",
        before.column, before.own_type
    );
    let command = before.command(&before.own_type, &before.own_type, &value);
    // As above. Of its values nobody opens one but the command.
    context::without_session(|| command_as_owner_of(table, &command, &permit));
    Ok(())
}

/// The column, when it can get another type: nothing depends on it that would be lost or stop the command.
fn looked_up(table: Oid, column: &str) -> Result<Before> {
    require_of_application(table)?;
    relation::lock_exclusively(table);
    let found = INTAKE.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(column)], |row| Before {
            kind: row.required(1),
            is_inherited: row.required(2),
            sealed_type: row.get(3),
            own_type: row.required(4),
            is_computed: row.required(5),
            modifier: row.required(6),
            table: row.required(7),
            column: row.required(8),
            dependants: row.required(9),
            has_index: row.required(10),
            default: row.get(11),
            names_persons: row.required(12),
        })
    });
    let before = found.ok_or_else(|| Error::column_not_found(column))?;
    if !matches!(before.kind.as_str(), "r" | "p") || before.is_inherited {
        return Err(Error::wrong_relation(
            format!("{} is not a table of its own", before.table),
            "Name a table, or the one that it is a partition or child of.",
        ));
    }
    if before.dependants.is_empty() {
        Ok(before)
    } else {
        Err(Error::column_depended_on(
            &format!("{}.{}", before.table, before.column),
            &before.dependants,
        ))
    }
}
