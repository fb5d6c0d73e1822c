//! What sealed columns hold about somebody.

use super::column::sealed_columns_of;
use super::person::tables_of_kind;
use crate::context;
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::spi::{arg, oid_arg, query_as_owner_of, statements};
use crate::sys::{Oid, xact};
use serde_json::{Value, json};

statements! {
    QUERY = "personal/export_query.sql";
    UNNAMED = scanning "personal/unnamed_columns.sql";
}

/// A column that may hold something about him.
struct Source {
    table: Oid,
    table_name: String,
    column: String,
    place: i32,
    query: String,
}

/// Everything, by table and column, past policies: for a session that has the privileges of all keys.
pub fn export(name: &str, kind: &str) -> Result<Value> {
    let sources = sources(name, kind);
    // Refused as a whole, and before anything is read, where a privilege is missing.
    for source in &sources {
        sealing::require_open_place(source.place)?;
    }
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for source in sources {
        sealing::column_met(
            source.place,
            source.table,
            source.table_name.clone(),
            source.column.clone(),
        );
        // What others wrote may run while rows are read, and sees nobody's session: sealed values are opened here.
        let read = xact::attempt_among_others(|| {
            Ok(context::without_session(|| {
                query_as_owner_of(source.table, true, &source.query, &[], |row| {
                    row.required::<String>(1)
                })
            }))
        });
        let sealed = match read {
            Ok(sealed) => sealed,
            Err(failure) => {
                Error::person_not_searched(&source.table_name, &failure.message).warn();
                unread.push(json!({ "table": source.table_name, "column": source.column }));
                continue;
            }
        };
        let mut values = Vec::new();
        for text in sealed {
            if let Some(envelope) = sealing::envelope(text.as_bytes())? {
                values.extend(sealing::opened(&envelope)?);
            }
        }
        if !values.is_empty() {
            found.push(json!({ "table": source.table_name, "column": source.column, "values": values }));
        }
    }
    // Copies that a query has made, for instance: nobody has said whom their rows are about.
    for (table, column) in UNNAMED
        .with(|statement| statement.query(&[], |row| (row.required::<String>(1), row.required::<String>(2))))
    {
        Error::person_unnamed(&table).warn();
        unread.push(json!({ "table": table, "column": column }));
    }
    Ok(json!({ "person": name, "kind": kind, "sealed": found, "unread": unread }))
}

fn sources(name: &str, kind: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    for (table, person) in tables_of_kind(kind) {
        for column in sealed_columns_of(table) {
            let query = QUERY.with(|statement| {
                statement.query_one(
                    &[
                        oid_arg(table),
                        arg(column.name.as_str()),
                        arg(person.name.as_str()),
                        arg(name),
                    ],
                    |row| (row.required::<String>(1), row.required::<String>(2)),
                )
            });
            if let Some((query, table_name)) = query {
                sources.push(Source {
                    table,
                    table_name,
                    column: column.name,
                    place: column.place,
                    query,
                });
            }
        }
    }
    sources
}
