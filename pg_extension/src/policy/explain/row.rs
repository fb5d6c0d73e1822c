//! The row that is asked about: looked up by a primary or unique key, with comparisons that PostgreSQL itself has, and copied.

use crate::error::{Error, Result};
use crate::policy::mask;
use crate::sys::row_copy::RowCopy;
use crate::sys::spi::{arg, oid_arg, statements};
use crate::sys::{Oid, xact};
use serde_json::{Map, Value, json};

statements! {
    RELATION = "explain/relation.sql";
    KEYS = "explain/keys.sql";
}

/// A table whose rows can be named.
pub struct Table {
    pub oid: Oid,
    pub name: String,
    keys: Vec<Key>,
}

/// A primary or unique key.
struct Key {
    is_primary: bool,
    columns: Vec<String>,
    quoted: Vec<String>,
    /// What the columns are compared as.
    types: Vec<String>,
    /// Whether types and comparisons are PostgreSQL's own.
    is_plain: bool,
}

/// The table of that number.
pub fn table(oid: Oid) -> Result<Table> {
    let found = RELATION.with(|statement| {
        statement.query_one(&[oid_arg(oid)], |row| {
            (row.required::<String>(1), row.required::<bool>(2))
        })
    });
    match found {
        Some((name, true)) => Ok(Table {
            oid,
            name,
            keys: KEYS.with(|statement| {
                statement.query(&[oid_arg(oid)], |row| Key {
                    is_primary: row.required(1),
                    columns: row.required(2),
                    quoted: row.required(3),
                    types: row.required(4),
                    is_plain: row.required(5),
                })
            }),
        }),
        Some((name, false)) => Err(Error::wrong_relation(
            format!("{name} is no table"),
            "Ask for the tables under a view.",
        )),
        None => Err(Error::relation_not_found()),
    }
}

/// The key as an object of the columns of a primary or unique key. Other columns, and those whose values are masked for somebody, name no row:
/// with them values could be guessed.
pub fn checked_key(table: &Table, key: &Value) -> Result<Map<String, Value>> {
    let hint = "Give the value of a primary key of one column, or a JSON object of all columns of a primary or unique key.";
    let object = match key {
        Value::Object(object) => object.clone(),
        value => match table.keys.iter().find(|key| key.is_primary) {
            Some(key) if key.columns.len() == 1 => Map::from_iter([(key.columns[0].clone(), value.clone())]),
            _ => {
                return Err(Error::argument(
                    "the table has no primary key of one column",
                    hint,
                ));
            }
        },
    };
    if object.is_empty() || object.values().any(Value::is_null) {
        return Err(Error::argument("the key is empty or has a NULL", hint));
    }
    let key = table
        .key_of(&object)
        .ok_or_else(|| Error::argument("the key is no primary or unique key of the table", hint))?;
    if !key.is_plain {
        return Err(Error::row_key_type(&key.columns.join(", ")));
    }
    for column in object.keys() {
        if mask::is_covered(table.oid, column)? {
            return Err(Error::argument("the key has a column that is masked", hint));
        }
    }
    Ok(object)
}

impl Table {
    /// The key that has exactly these columns.
    fn key_of(&self, object: &Map<String, Value>) -> Option<&Key> {
        self.keys.iter().find(|key| {
            key.columns.len() == object.len() && key.columns.iter().all(|column| object.contains_key(column))
        })
    }
}

/// The row of the key, if there is one.
pub fn find(table: &Table, object: &Map<String, Value>) -> Result<RowCopy> {
    let mut conditions = Vec::new();
    let mut args = Vec::new();
    if let Some(key) = table.key_of(object) {
        for (column, (quoted, kind)) in key.columns.iter().zip(key.quoted.iter().zip(&key.types)) {
            let value = &object[column];
            args.push(arg(value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)));
            conditions.push(format!(
                "t.{quoted}::{kind} OPERATOR(pg_catalog.=) ${}::{kind}",
                args.len()
            ));
        }
    }
    let condition = conditions.join(" AND ");
    let row = xact::attempt(|| RowCopy::read(table.oid, &condition, &args, Some(2))).map_err(|failure| {
        if failure.state.starts_with("22") {
            Error::argument(
                "the key does not fit the types of its columns",
                "Give values that the columns can hold.",
            )
        } else {
            Error::not_ready(
                format!("the table cannot be read as its owner ({})", failure.state),
                "Look whether its owner may use its schema, and at functions in its indexes.",
            )
        }
    })?;
    if row.count() > 1 {
        return Err(Error::argument(
            "the key names several rows",
            "It is a key of the table itself; name a row of one of its children there.",
        ));
    }
    Ok(row)
}

/// Whether a condition holds for the row, or the code of the error it meets.
pub fn truth(table: &Table, row: &RowCopy, condition: &str) -> std::result::Result<Option<Value>, String> {
    // A line end keeps a comment at the end of the text from what follows.
    let query = format!("SELECT (\n{condition}\n) FROM {}", table.name);
    let rows = xact::attempt(|| row.query(&query, |row| row.get::<bool>(1))).map_err(xact::Failure::code)?;
    Ok(rows.first().map(|truth| truth.map_or(json!("null"), Value::from)))
}
