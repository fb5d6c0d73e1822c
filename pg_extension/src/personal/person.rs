//! Whom the sealed values of a row are about: a column of the table names the person, and a trigger of the library seals with his key.

use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::row_trigger::{Assigned, RowTrigger};
use crate::sys::spi::{arg, oid_arg, run_command, statements};
use crate::sys::{Oid, relation, sealed_type};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    COLUMN = "personal/person_column.sql";
    IS_GUARDED = "personal/is_guarded.sql";
    IS_OF_APPLICATION = "personal/is_of_application.sql";
    FORMER = scanning "personal/former_checks.sql";
    CHECKS = scanning "personal/new_checks.sql";
    TABLES = scanning "personal/tables_of_kind.sql";
    FOLLOW = scanning "personal/follow_columns.sql";
}

thread_local! {
    /// The column that names the person, of each table that was met.
    static KNOWN: RefCell<HashMap<Oid, Rc<PersonColumn>>> = RefCell::default();
}

/// The column that names the person in a table.
pub struct PersonColumn {
    number: i16,
    pub name: String,
    /// The kind of person.
    pub kind: String,
    /// Since when it names another person, as long as values are not yet about him.
    pub moving_since: Option<String>,
}

/// An error for a table of the server or of an extension, before anybody waits for it.
pub fn require_of_application(table: Oid) -> Result<()> {
    let found = IS_OF_APPLICATION
        .with(|statement| statement.query_one(&[oid_arg(table)], |row| row.required::<bool>(1)));
    match found {
        Some(true) => Ok(()),
        Some(false) => Err(Error::not_of_application(&relation::full_name(table))),
        None => Err(Error::relation_not_found()),
    }
}

/// Sealed columns about persons get the check that they are about the person of their row, where the table names one.
pub fn check_columns(table: Oid) -> Result<()> {
    let Some(person) = person_column(table)? else {
        return Ok(());
    };
    let commands = CHECKS.with(|statement| {
        statement.query(&[oid_arg(table), arg(person.name), arg(person.kind)], |row| {
            row.required::<String>(1)
        })
    });
    for command in commands {
        run_command(&command);
    }
    Ok(())
}

/// Drops the checks of a column, or of all, of a table and its partitions.
pub fn drop_checks(table: Oid, column: Option<&str>) {
    // One by one: with the check of a table those of its partitions go, but for what they had before they were attached.
    loop {
        let former = FORMER.with(|statement| {
            statement.query(&[oid_arg(table), arg(column)], |row| row.required::<String>(1))
        });
        let Some(command) = former.first() else { return };
        run_command(command);
    }
}

/// The column that names the person in a table, by what it or its parent says; an error for one that got a type with many texts for a value, or with code of others.
pub fn person_column(table: Oid) -> Result<Option<PersonColumn>> {
    let found = COLUMN.with(|statement| {
        statement.query_one(&[oid_arg(table)], |row| {
            let column = PersonColumn {
                number: row.required(1),
                name: row.required(2),
                kind: row.required(3),
                moving_since: row.get(5),
            };
            (column, row.required::<bool>(4))
        })
    });
    match found {
        Some((column, false)) => Err(Error::person_column_type(&column.name)),
        found => Ok(found.map(|(column, _)| column)),
    }
}

/// The tables that name persons of a kind, locked for reading, each with the column that names them. One whose column got another type since has none that is known any more: a warning tells of it.
pub fn tables_of_kind(kind: &str) -> Vec<(Oid, PersonColumn)> {
    let tables = TABLES.with(|statement| statement.query(&[arg(kind)], |row| row.required::<Oid>(1)));
    let mut found = Vec::new();
    for table in tables
        .into_iter()
        .filter(|table| relation::lock_for_reading(*table))
    {
        match person_column(table) {
            Ok(Some(person)) => found.push((table, person)),
            Ok(None) => (),
            Err(error) => Error::person_not_searched(&relation::full_name(table), &error.to_string()).warn(),
        }
    }
    found
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
            let column = known_column(trigger.relation)?;
            let text = row.key_text(column.number)?.filter(|text| !text.is_empty());
            name = Some(text.map(|text| sealing::full_name(&column.kind, &text)));
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

fn known_column(table: Oid) -> Result<Rc<PersonColumn>> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&table).map(Rc::clone)) {
        return Ok(known);
    }
    let column = Rc::new(person_column(table)?.ok_or_else(Error::person_not_named)?);
    KNOWN.with_borrow_mut(|known| known.insert(table, Rc::clone(&column)));
    Ok(column)
}

/// An error where a column of a table is no place for values of a modifier: they are about persons, and nothing sees to it that they are about the one of their row.
pub fn may_be_stored(table: Oid, column: i16, modifier: i32) -> Result<()> {
    if !sealing::has_persons() || !sealing::is_per_person(modifier)? {
        return Ok(());
    }
    let found = IS_GUARDED.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(column)], |row| {
            (row.required::<bool>(1), row.get::<i16>(2))
        })
    });
    // The check may be one of another column than the one that names persons now.
    let (is_view, guarded_by) = found.unwrap_or_default();
    if is_view || guarded_by.is_some() && guarded_by == person_column(table)?.map(|person| person.number) {
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
            may_be_stored(table, column.attribute, column.modifier)?;
        } else {
            sealing::column_met(column.modifier, table, relation::full_name(table), column.name);
        }
    }
    Ok(())
}

/// Follows renamed columns, dropped tables, and partitions: each keeps what its root says when it is detached.
pub fn follow_columns() {
    FOLLOW.with(|statement| statement.execute(&[]));
}

/// What a table's family says may have changed.
pub fn forget_relation() {
    KNOWN.take();
}
