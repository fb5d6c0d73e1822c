//! Forgetting somebody: his keys are destroyed, unless rows that name him hold values that are about others, and would stay.

use super::column::sealed_columns_of;
use super::person::{PersonColumn, tables_of_kind};
use crate::context;
use crate::error::{Error, Result};
use crate::sealing::{self, Others, Renewing};
use crate::sys::spi::{arg, at_present, oid_arg, query_as_owner_of, statements};
use crate::sys::{Oid, relation, xact};

statements! {
    DIFFERING = "personal/differing_rows.sql";
}

/// Destroys the keys of a person, by a name and its kind; returns how many there were.
pub fn forget_person(name: &str, kind: &str) -> Result<u64> {
    let full_name = sealing::full_name(kind, name);
    sealing::forget_person(&full_name, || {
        for (table, person) in tables_of_kind(kind) {
            // An owner whose code fails keeps nobody from being forgotten.
            let differs = xact::attempt(|| differs(table, &person, name, &full_name));
            match differs {
                Ok(true) => return Err(Error::person_rows_differ(&relation::full_name(table))),
                Ok(false) => (),
                Err(failure) => {
                    Error::person_not_searched(&relation::full_name(table), &failure.message).warn();
                }
            }
        }
        Ok(())
    })
}

/// Whether rows of a table that name somebody hold values about somebody else.
fn differs(table: Oid, person: &PersonColumn, name: &str, full_name: &str) -> Result<bool> {
    let mut columns = Vec::new();
    for column in sealed_columns_of(table) {
        if sealing::is_per_person(column.place)? {
            columns.push(column.name);
        }
    }
    if columns.is_empty() {
        return Ok(false);
    }
    let query = DIFFERING.with(|statement| {
        statement.query_one(
            &[oid_arg(table), arg(columns), arg(person.name.as_str())],
            |row| row.required::<String>(1),
        )
    });
    let query = query.ok_or_else(Error::relation_not_found)?;
    let renewing = Renewing::begin(Others::Stay)?;
    let args = [arg(name), arg(full_name), arg(renewing.permit())];
    // Whoever was waited for has committed since the statement of the caller began.
    let found =
        at_present(|| context::without_session(|| query_as_owner_of(table, true, &query, &args, |_| ())));
    Ok(!found.is_empty())
}
