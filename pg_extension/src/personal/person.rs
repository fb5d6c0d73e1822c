//! Whom the sealed values of a row are about: a column of the table names the person, and a trigger of the library seals with his key.

use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::row_trigger::{Assigned, RowTrigger};
use crate::sys::spi::{arg, oid_arg, run_command, statements};
use crate::sys::{Oid, relation, sealed_type};
use std::cell::RefCell;
use std::collections::HashMap;

statements! {
    COLUMN = "personal/person_column.sql";
    HAS_TRIGGER = "personal/has_person_trigger.sql";
    NAMEABLE = "personal/nameable_column.sql";
    DEFINE = "personal/define_person_column.sql";
    FOLLOW = scanning "personal/follow_columns.sql";
}

thread_local! {
    /// The number of the column that names the person, of each table that was met.
    static KNOWN: RefCell<HashMap<Oid, i16>> = RefCell::default();
}

/// A column names the person that the rows of a table, and of its partitions, are about.
pub fn name_person(table: Oid, column: &str) -> Result<()> {
    relation::lock_exclusively(table);
    let found = NAMEABLE.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(column)], |row| {
            (
                row.required::<i16>(1),
                row.required::<bool>(2),
                row.get::<String>(3),
            )
        })
    });
    let (number, is_plain, command) = found.ok_or_else(|| Error::column_not_found(column))?;
    if !is_plain {
        return Err(Error::column_type(format!(
            "column \"{column}\" is neither text, number, enum nor uuid"
        )));
    }
    DEFINE.with(|statement| statement.execute(&[oid_arg(table), arg(column), arg(number)]));
    if let Some(command) = command {
        run_command(&command);
    }
    relation::announce_change(table);
    Ok(())
}

/// The column that names the person in a table, by what it or its parent says.
pub fn person_column(table: Oid) -> Option<(i16, String)> {
    COLUMN.with(|statement| {
        statement.query_one(&[oid_arg(table)], |row| {
            (row.required::<i16>(1), row.required::<String>(2))
        })
    })
}

/// A row is about to be stored: what is sealed in it about persons is sealed with the key of the one that it names.
pub fn before_row(trigger: &mut RowTrigger) -> Result<()> {
    let Some(row) = &trigger.new else { return Ok(()) };
    let mut sealed = Vec::new();
    let mut name = None;
    for (attribute, modifier, bytes) in row.sealed() {
        if !sealing::is_per_person(modifier)? {
            continue;
        }
        if name.is_none() {
            name = Some(row.key_text(known_column(trigger.relation)?)?);
        }
        if let Some(anew) = sealing::about(&bytes, name.as_ref().and_then(|name| name.as_deref()))? {
            sealed.push((attribute, Assigned::Sealed(anew)));
        }
    }
    if sealed.is_empty() {
        return Ok(());
    }
    trigger.assign(&sealed)
}

fn known_column(table: Oid) -> Result<i16> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&table).copied()) {
        return Ok(known);
    }
    let (number, _) = person_column(table).ok_or_else(Error::person_not_named)?;
    KNOWN.with_borrow_mut(|known| known.insert(table, number));
    Ok(number)
}

/// An error where a table is no place for values of a modifier: they are about persons, and nothing says whom its rows are about.
pub fn may_be_stored(table: Oid, modifier: i32) -> Result<()> {
    if !sealing::has_persons() || !sealing::is_per_person(modifier)? {
        return Ok(());
    }
    let is_named = HAS_TRIGGER
        .with(|statement| statement.query_one(&[oid_arg(table)], |row| row.required::<bool>(1)))
        .unwrap_or(false);
    if is_named && person_column(table).is_some() {
        Ok(())
    } else {
        Err(Error::person_not_named())
    }
}

/// A whole table is about to be copied: to the client, or into it, for which the same holds. No query tells which columns are read.
pub fn copies(table: Oid, is_into: bool) -> Result<()> {
    if !sealing::is_any() {
        return Ok(());
    }
    for column in sealed_type::columns(table) {
        if is_into {
            may_be_stored(table, column.modifier)?;
        } else {
            sealing::column_met(column.modifier, relation::full_name(table), column.name);
        }
    }
    Ok(())
}

/// Follows renamed columns and dropped tables.
pub fn follow_columns() {
    FOLLOW.with(|statement| statement.execute(&[]));
}

/// What a table's family says may have changed.
pub fn forget_relation() {
    KNOWN.take();
}
