//! What sealed columns hold about somebody.

use crate::error::Result;
use crate::sealing;
use crate::sys::Oid;
use crate::sys::spi::{arg, query_as_owner_of, statements};
use serde_json::{Value, json};

statements! {
    QUERIES = scanning "personal/export_queries.sql";
}

/// Everything, by table and column, past policies: for a session that has the privileges of all keys.
pub fn export(name: &str) -> Result<Value> {
    let queries = QUERIES.with(|statement| {
        statement.query(&[arg(name)], |row| {
            (
                row.required::<String>(1),
                row.required::<String>(2),
                row.required::<String>(3),
                row.required::<Oid>(4),
                row.required::<i32>(5),
            )
        })
    });
    // Refused as a whole, and before anything is read, where a privilege is missing.
    for (.., place) in &queries {
        sealing::require_open_place(*place)?;
    }
    let mut found = Vec::new();
    for (table, column, query, oid, _) in queries {
        let values = query_as_owner_of(oid, true, &query, |row| row.get::<String>(1));
        let values: Vec<String> = values.into_iter().flatten().collect();
        if !values.is_empty() {
            found.push(json!({ "table": table, "column": column, "values": values }));
        }
    }
    Ok(json!({ "person": name, "sealed": found }))
}
