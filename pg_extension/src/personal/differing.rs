//! Rows of a table with values about somebody else than they name.

use super::column::sealed_columns_of;
use super::person::PersonColumn;
use crate::context;
use crate::error::{Error, Result};
use crate::sealing::{self, Others, Renewing};
use crate::sys::Oid;
use crate::sys::spi::{Arg, Row, arg, at_present, oid_arg, query_as_owner_of, statements};

statements! {
    QUERIES = "personal/differing_rows.sql";
}

/// The queries for them.
pub struct Differing {
    table: Oid,
    one: String,
    all: String,
}

impl Differing {
    /// Those of a table, with the column that names persons in it; `None` where nothing in it is about persons.
    pub fn of(table: Oid, person: &PersonColumn) -> Result<Option<Self>> {
        let mut columns = Vec::new();
        for column in sealed_columns_of(table) {
            if sealing::is_per_person(column.place)? {
                columns.push(column.name);
            }
        }
        if columns.is_empty() {
            return Ok(None);
        }
        let args = [
            oid_arg(table),
            arg(columns),
            arg(person.name.as_str()),
            arg(person.kind.as_str()),
        ];
        let queries =
            QUERIES.with(|statement| statement.query_one(&args, |row| (row.required(1), row.required(2))));
        let (one, all) = queries.ok_or_else(Error::relation_not_found)?;
        Ok(Some(Self { table, one, all }))
    }

    /// Whether there is one among the rows that name somebody.
    pub fn names(&self, name: &str, full_name: &str) -> Result<bool> {
        let found = self.asked(&self.one, vec![arg(name), arg(full_name)], |_| ())?;
        Ok(!found.is_empty())
    }

    /// How many there are.
    pub fn count(&self) -> Result<i64> {
        let counted = self.asked(&self.all, Vec::new(), |row| row.required::<i64>(1))?;
        Ok(counted.into_iter().sum())
    }

    fn asked<T>(&self, query: &str, mut args: Vec<Arg>, read: impl FnMut(&Row) -> T) -> Result<Vec<T>> {
        let renewing = Renewing::begin(Others::Stay)?;
        args.push(arg(renewing.permit()));
        // Whoever was waited for has committed since the statement of the caller began.
        Ok(at_present(|| {
            context::without_session(|| query_as_owner_of(self.table, true, query, &args, read))
        }))
    }
}
