//! What is recorded when a row is read or written, and who said whose the session is.

use super::row::{Table, truth};
use crate::sys::restriction::Command;
use crate::sys::row_copy::RowCopy;
use crate::sys::spi::{arg, oid_arg, statements};
use pgrx::Uuid;
use serde_json::{Value, json};

statements! {
    AUDITS = "explain/audits.sql";
    ISSUER = "explain/issuer.sql";
}

/// The audit policies that ask for these commands, and whether the row meets their condition.
pub fn audits(table: &Table, row: &RowCopy, commands: &[Command]) -> Vec<Value> {
    let names: Vec<String> = commands.iter().map(|command| command.name().to_owned()).collect();
    let policies = AUDITS.with(|statement| {
        statement.query(&[oid_arg(table.oid), arg(names)], |row| {
            let (name, mode): (String, String) = (row.required(1), row.required(2));
            (name, mode, row.get::<Vec<String>>(3), row.get::<String>(4))
        })
    });
    policies
        .into_iter()
        .map(|(name, mode, columns, condition)| {
            let met = condition.as_deref().filter(|_| row.count() == 1);
            let met = met.map(|condition| truth(table, row, condition));
            json!({
                "name": name,
                "mode": mode,
                "columns": columns,
                "condition": condition,
                "is_met": met.map(|met| met.map_or_else(Value::from, |truth| (truth == Some(json!(true))).into())),
            })
        })
        .collect()
}

/// The issuer of the token that opened a session; `None` where somebody's word was enough.
pub fn issuer(session: Option<Uuid>) -> Option<String> {
    ISSUER
        .with(|statement| statement.query_one(&[arg(session)], |row| row.get::<String>(1)))
        .flatten()
}
