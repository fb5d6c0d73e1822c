//! `vpd.explain_access`, as lines and as JSON, and `vpd.policy_predicates`.

use super::{Answer, require_ready, required};
use crate::error::Error;
use crate::policy::explain::{self, Question};
use crate::policy::in_force;
use crate::sys::document::Document;
use crate::sys::{ErrorReport, Oid};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::Value;

fn answer(
    user_name: Option<String>,
    relation: Option<Oid>,
    key: Value,
    session_id: Option<Uuid>,
    command: Option<String>,
) -> Answer<Value> {
    require_ready()?;
    Ok(explain::explain(&Question {
        user_name: required(user_name, "user_name")?,
        table: required(relation, "relation")?,
        key,
        session_id,
        command: command.unwrap_or_else(|| "select".to_owned()),
    })?)
}

/// A text is the value of the primary key, or an object when it begins like one.
fn key_of(text: Option<String>) -> Answer<Value> {
    let text = required(text, "key")?;
    if !text.trim_start().starts_with('{') {
        return Ok(Value::String(text));
    }
    let object = serde_json::from_str(&text)
        .map_err(|_| Error::argument("the key is no JSON object", "Write {\"column\": \"value\"}."))?;
    Ok(object)
}

#[pg_extern(sql = false)]
fn explain_access(
    user_name: Option<String>,
    relation: Option<Oid>,
    key: Option<String>,
    session_id: Option<Uuid>,
    command: Option<String>,
) -> Result<SetOfIterator<'static, String>, ErrorReport> {
    let explanation = answer(user_name, relation, key_of(key)?, session_id, command)?;
    Ok(SetOfIterator::new(explain::lines(&explanation)))
}

#[pg_extern(sql = false)]
fn explain_access_by_columns(
    user_name: Option<String>,
    relation: Option<Oid>,
    key: Option<Document>,
    session_id: Option<Uuid>,
    command: Option<String>,
) -> Result<SetOfIterator<'static, String>, ErrorReport> {
    let explanation = answer(
        user_name,
        relation,
        required(key, "key")?.read()?.0,
        session_id,
        command,
    )?;
    Ok(SetOfIterator::new(explain::lines(&explanation)))
}

#[pg_extern(sql = false)]
fn explain_access_json(
    user_name: Option<String>,
    relation: Option<Oid>,
    key: Option<String>,
    session_id: Option<Uuid>,
    command: Option<String>,
) -> Answer<JsonB> {
    let explanation = answer(user_name, relation, key_of(key)?, session_id, command)?;
    Ok(JsonB(explanation))
}

#[pg_extern(sql = false)]
fn explain_access_json_by_columns(
    user_name: Option<String>,
    relation: Option<Oid>,
    key: Option<Document>,
    session_id: Option<Uuid>,
    command: Option<String>,
) -> Answer<JsonB> {
    let explanation = answer(
        user_name,
        relation,
        required(key, "key")?.read()?.0,
        session_id,
        command,
    )?;
    Ok(JsonB(explanation))
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn policy_predicates(
    session_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(user_name, Option<String>),
            name!(relation, Oid),
            name!(command, String),
            name!(policy_group, String),
            name!(policy_name, String),
            name!(predicate, Option<String>),
            name!(error, Option<String>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let rows = in_force::predicates(session_id)?.into_iter().map(|row| {
        (
            row.user_name,
            row.table,
            row.command.to_owned(),
            row.group,
            row.policy,
            row.predicate,
            row.error,
        )
    });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}
