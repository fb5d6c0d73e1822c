//! Why a user may, or may not, reach a row: each policy, whether it applies, its predicate, and its truth for the row.
//!
//! The caller needs the privilege to read the table. The row is looked up by a primary or unique key, with comparisons that PostgreSQL itself
//! has, and copied; predicates are then asked of the copy. They, and what they reach, run as the caller, and as the table's owner when a
//! superuser asks, and write nothing. Only truth values come out, never a value of the row.

mod authority;
mod tree;

use super::cache::Relation;
use super::chosen::Chosen;
use super::{cache, inspection, mask, native};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::session;
use crate::sys::restriction::Command;
use crate::sys::row_copy::RowCopy;
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, user, xact};
use pgrx::Uuid;
use serde_json::{Map, Value, json};

pub use tree::lines;

thread_local! {
    static RELATION: Statement = const { Statement::new(include_str!("../../../sql/query/explain/relation.sql")) };
    static KEYS: Statement = const { Statement::new(include_str!("../../../sql/query/explain/keys.sql")) };
    static POLICIES: Statement = const { Statement::new(include_str!("../../../sql/query/explain/policies.sql")) };
    static MASKS: Statement = const { Statement::new(include_str!("../../../sql/query/explain/masks.sql")) };
    static EXEMPT: Statement = const { Statement::new(include_str!("../../../sql/query/explain/exempt.sql")) };
}

/// What is asked.
pub struct Question {
    pub user_name: String,
    pub table: Oid,
    /// A value of the primary key, or an object of the columns of a primary or unique key.
    pub key: Value,
    pub session_id: Option<Uuid>,
    pub command: String,
}

/// A table whose rows can be named.
struct Table {
    oid: Oid,
    name: String,
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

/// A policy as the catalogue has it.
struct Listed {
    name: String,
    group: String,
    kind: String,
    statements: Vec<String>,
    is_enabled: bool,
    relevant_columns: Vec<String>,
    is_masking: bool,
    source: String,
    is_checked: bool,
}

/// The whole explanation.
pub fn explain(question: &Question) -> Result<Value> {
    let commands = commands(&question.command)?;
    let table = table(question.table)?;
    if !user::may_select(table.oid) {
        return Err(Error::select_missing());
    }
    let key = checked_key(&table, &question.key)?;
    let row = find(&table, &key)?;
    let row_exists = row.count() == 1;
    let found = session::live_sessions(Some(&question.user_name), question.session_id, 1).pop();
    if found.is_none() && question.session_id.is_some() {
        return Err(Error::session_not_found());
    }
    let session = found.as_ref().map(|(identity, _)| describe(identity));
    let masks = match (cache::relation(table.oid), &found) {
        (Some(relation), Some((identity, liveness))) if row_exists => {
            context::impersonate(std::rc::Rc::clone(identity), *liveness, || {
                explain_masks(&relation, &table, &row)
            })
        }
        _ => Vec::new(),
    };
    let policies = match cache::relation(table.oid) {
        None => None,
        Some(relation) => Some(explain_policies(&relation, &table, &row, &commands, found)?),
    };
    let verdict = verdict(
        &question.command,
        row_exists,
        session.is_some(),
        policies.as_deref(),
    );
    let (is_allowed, why) = match policies {
        None => verdict,
        Some(_) => native::qualified(verdict, table.oid, &commands),
    };
    let exempt: Vec<String> = EXEMPT
        .with(|statement| statement.query(&[oid_arg(table.oid)], |row| row.get::<String>(1)))
        .into_iter()
        .flatten()
        .collect();
    Ok(json!({
        "user_name": question.user_name,
        "command": question.command.trim().to_ascii_lowercase(),
        "relation": table.name,
        "key": key,
        "row_exists": row_exists,
        "session": session,
        "is_protected": policies.is_some(),
        "policies": policies.unwrap_or_default(),
        "masks": masks,
        "roles_above_policies": exempt,
        "is_allowed": is_allowed,
        "why": why,
    }))
}

/// A command, and what it must be allowed besides: a row is read before it is changed.
fn commands(name: &str) -> Result<Vec<Command>> {
    match Command::parse(name) {
        Some(command @ (Command::Select | Command::Insert)) => Ok(vec![command]),
        Some(command @ (Command::Update | Command::Delete)) => Ok(vec![Command::Select, command]),
        _ => Err(Error::argument(
            "unknown command",
            "Use select, insert, update or delete.",
        )),
    }
}

fn table(oid: Oid) -> Result<Table> {
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
fn checked_key(table: &Table, key: &Value) -> Result<Map<String, Value>> {
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
fn find(table: &Table, object: &Map<String, Value>) -> Result<RowCopy> {
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

fn describe(identity: &Identity) -> Value {
    let mut roles: Vec<&String> = identity.authority.roles.iter().collect();
    roles.sort();
    json!({
        "session_id": identity.session_id.map(|id| id.to_string()),
        "app": identity.app,
        "is_authenticated": identity.is_authenticated,
        "acting_for": identity.acting_for,
        "actors": identity.actors,
        "roles": roles,
    })
}

fn explain_policies(
    relation: &Relation,
    table: &Table,
    row: &RowCopy,
    commands: &[Command],
    session: Option<(std::rc::Rc<Identity>, Liveness)>,
) -> Result<Vec<Value>> {
    let listed = listed(table.oid);
    let Some((identity, liveness)) = session else {
        return Ok(listed
            .iter()
            .map(|policy| policy.json(None, "nobody is logged in", None, None, None))
            .collect());
    };
    context::impersonate(identity, liveness, || {
        let chosen = Chosen::now(relation)?;
        Ok(listed
            .iter()
            .map(|policy| match policy.reason_not_to_apply(commands, &chosen) {
                Some(reason) => policy.json(Some(false), reason, None, None, None),
                None => evaluated(relation, table, row, policy),
            })
            .collect())
    })
}

fn evaluated(relation: &Relation, table: &Table, row: &RowCopy, policy: &Listed) -> Value {
    let applies = policy.reason_to_apply();
    let Some(known) = relation.policies.iter().find(|known| known.name == policy.name) else {
        return policy.json(Some(true), &applies, None, None, Some("not_loaded"));
    };
    let condition = match xact::attempt(|| inspection::condition(relation, known)) {
        Ok(condition) => condition,
        Err(failure) => return policy.json(Some(true), &applies, None, None, Some(&failure.code())),
    };
    let text = condition.text.as_str();
    let mut explained = if row.count() == 0 {
        policy.json(Some(true), &applies, Some(text), None, None)
    } else {
        match truth(table, row, text) {
            Ok(truth) => policy.json(Some(true), &applies, Some(text), truth, None),
            Err(error) => policy.json(Some(true), &applies, Some(text), None, Some(&error)),
        }
    };
    explained["understood"] = condition.understood.into();
    if row.count() == 1
        && let Some(identity) = context::identity()
    {
        explained["authority"] = authority::asked(text, &identity).into();
    }
    explained
}

/// Whether a condition holds for the row, or the code of the error it meets.
fn truth(table: &Table, row: &RowCopy, condition: &str) -> std::result::Result<Option<Value>, String> {
    // A line end keeps a comment at the end of the text from what follows.
    let query = format!("SELECT (\n{condition}\n) FROM {}", table.name);
    let rows = xact::attempt(|| row.query(&query, |row| row.get::<bool>(1))).map_err(xact::Failure::code)?;
    Ok(rows.first().map(|truth| truth.map_or(json!("null"), Value::from)))
}

/// The columns that a mask may cover, and whether the session sees the value in this row.
fn explain_masks(relation: &Relation, table: &Table, row: &RowCopy) -> Vec<Value> {
    let masks = MASKS.with(|statement| {
        statement.query(&[oid_arg(table.oid)], |row| {
            (row.required::<String>(1), row.required::<String>(2))
        })
    });
    let explained = |(column, visible_when): (String, String)| {
        let outcome = xact::attempt(|| inspection::checked(relation, &column, visible_when.clone()))
            .map_err(xact::Failure::code)
            .and_then(|condition| truth(table, row, &condition.text));
        let authority = context::identity().map(|identity| authority::asked(&visible_when, &identity));
        json!({
            "column": column,
            "visible_when": visible_when,
            "authority": authority.unwrap_or_default(),
            "is_visible": outcome.as_ref().ok().map(|truth| *truth == Some(json!(true))),
            "error": outcome.err(),
        })
    };
    masks.into_iter().map(explained).collect()
}

fn listed(table: Oid) -> Vec<Listed> {
    POLICIES.with(|statement| {
        statement.query(&[oid_arg(table)], |row| Listed {
            name: row.required(1),
            group: row.required(2),
            kind: row.required(3),
            statements: row.required(4),
            is_enabled: row.required(5),
            relevant_columns: row.get(6).unwrap_or_default(),
            is_masking: row.required(7),
            source: row.required(8),
            is_checked: row.required(9),
        })
    })
}

impl Listed {
    fn reason_not_to_apply(&self, commands: &[Command], chosen: &Chosen) -> Option<&'static str> {
        let is_for = |command: &Command| {
            let is_named = self
                .statements
                .iter()
                .any(|name| Command::parse(name) == Some(*command));
            is_named && (*command != Command::Insert || self.is_checked)
        };
        if !self.is_enabled {
            Some("it is disabled")
        } else if !commands.iter().any(is_for) {
            Some("it is for other commands")
        } else if !chosen.includes(&self.group) {
            Some("the driving context chooses another group")
        } else if self.is_masking {
            Some("it masks columns and hides no row")
        } else {
            None
        }
    }

    fn reason_to_apply(&self) -> String {
        if self.relevant_columns.is_empty() {
            "it applies".to_owned()
        } else {
            format!(
                "it applies to statements that use {}",
                self.relevant_columns.join(", ")
            )
        }
    }

    fn json(
        &self,
        applies: Option<bool>,
        why: &str,
        predicate: Option<&str>,
        truth: Option<Value>,
        error: Option<&str>,
    ) -> Value {
        json!({
            "name": self.name,
            "group": self.group,
            "kind": self.kind,
            "source": self.source,
            "statements": self.statements,
            "is_enabled": self.is_enabled,
            "relevant_columns": self.relevant_columns,
            "applies": applies,
            "why": why,
            "predicate": predicate,
            "understood": null,
            "truth": truth,
            "error": error,
        })
    }
}

/// Whether the command reaches the row, and the first reason; NULL when it depends on the columns that the statement uses.
fn verdict(
    command: &str,
    row_exists: bool,
    has_session: bool,
    policies: Option<&[Value]>,
) -> (Option<bool>, String) {
    let name = |policy: &Value| policy["name"].as_str().unwrap_or_default().to_owned();
    if !row_exists {
        let what = "there is no such row; whoever is told nothing of it is told the truth";
        return (Some(false), what.to_owned());
    }
    let Some(policies) = policies else {
        return (Some(true), "the table is not under policy".to_owned());
    };
    if !has_session {
        return (
            Some(false),
            "the user has no live session, and without one no row is shown".to_owned(),
        );
    }
    if policies.is_empty() {
        let what = "the table has no policy of its own; its rows are read through the table it is a part of";
        return (Some(false), what.to_owned());
    }
    let applying: Vec<&Value> = policies
        .iter()
        .filter(|policy| policy["applies"] == json!(true))
        .collect();
    if let Some(policy) = applying.iter().find(|policy| !policy["error"].is_null()) {
        return (
            Some(false),
            format!("policy \"{}\" fails, and so does every statement", name(policy)),
        );
    }
    let untrue: Vec<&&Value> = applying
        .iter()
        .filter(|policy| policy["truth"] != json!(true))
        .collect();
    let is_always = |policy: &&&Value| policy["relevant_columns"] == json!([]);
    if let Some(policy) = untrue.iter().find(|policy| is_always(policy)) {
        let truth = if policy["truth"] == json!(false) {
            "false"
        } else {
            "NULL"
        };
        return (
            Some(false),
            format!("policy \"{}\" is {truth} for the row", name(policy)),
        );
    }
    match untrue.first() {
        Some(policy) => (
            None,
            format!(
                "no, when the statement uses a column that policy \"{}\" is about",
                name(policy)
            ),
        ),
        None => (
            Some(true),
            format!(
                "every policy that applies to {} is true for the row",
                command.trim().to_ascii_lowercase()
            ),
        ),
    }
}
