//! Why a user may, or may not, reach a row: each policy, whether it applies, its predicate, and its truth for the row.
//!
//! It runs with the caller's rights: he needs the privilege to read the table, and predicates run as he. Only the policies are looked past,
//! for the one row; only truth values come out, never a value of the row.

mod authority;
mod tree;

use super::cache::Relation;
use super::group::Chosen;
use super::{Command, cache, inspection, native};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::session;
use crate::sys::spi::{Statement, arg, oid_arg, query_past_policies};
use crate::sys::{Oid, user, xact};
use pgrx::{JsonB, Uuid};
use serde_json::{Map, Value, json};

pub use tree::lines;

thread_local! {
    static RELATION: Statement = const { Statement::new(include_str!("../../../sql/query/explain/relation.sql")) };
    static POLICIES: Statement = const { Statement::new(include_str!("../../../sql/query/explain/policies.sql")) };
    static MASKS: Statement = const { Statement::new(include_str!("../../../sql/query/explain/masks.sql")) };
    static EXEMPT: Statement = const { Statement::new(include_str!("../../../sql/query/explain/exempt.sql")) };
}

/// What is asked.
pub struct Question {
    pub user_name: String,
    pub table: Oid,
    /// A value of the primary key, or an object of columns.
    pub key: Value,
    pub session_id: Option<Uuid>,
    pub command: String,
}

/// A table whose rows can be named.
struct Table {
    oid: Oid,
    name: String,
    /// The name by which predicates know it.
    alias: String,
    primary_key: Vec<String>,
    columns: Vec<String>,
    quoted: Vec<String>,
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
    let row_exists = row_exists(&table, &key)?;
    let found = session::live_sessions(Some(&question.user_name), question.session_id, 1).pop();
    if found.is_none() && question.session_id.is_some() {
        return Err(Error::session_not_found());
    }
    let session = found.as_ref().map(|(identity, _)| describe(identity));
    let masks = match (cache::relation(table.oid), &found) {
        (Some(relation), Some((identity, liveness))) if row_exists => {
            context::impersonate(std::rc::Rc::clone(identity), *liveness, || {
                explain_masks(&relation, &table, &key)
            })
        }
        _ => Vec::new(),
    };
    let policies = match cache::relation(table.oid) {
        None => None,
        Some(relation) => Some(explain_policies(
            &relation, &table, &key, &commands, row_exists, found,
        )?),
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
            let table = Table {
                oid,
                name: row.get(1).unwrap_or_default(),
                alias: row.get(2).unwrap_or_default(),
                primary_key: row.get(4).unwrap_or_default(),
                columns: row.get(5).unwrap_or_default(),
                quoted: row.get(6).unwrap_or_default(),
            };
            (row.get::<bool>(3).unwrap_or(false), table)
        })
    });
    match found {
        Some((true, table)) => Ok(table),
        Some((false, table)) => Err(Error::wrong_relation(
            format!("{} is no table", table.name),
            "Ask for the tables under a view.",
        )),
        None => Err(Error::not_found(
            "relation_not_found",
            "the table does not exist",
            "Name an existing table.",
        )),
    }
}

/// The key as an object of columns.
fn checked_key(table: &Table, key: &Value) -> Result<Map<String, Value>> {
    let hint =
        "Give the value of a primary key of one column, or a JSON object of columns that names one row.";
    let object = match key {
        Value::Object(object) => object.clone(),
        value if table.primary_key.len() == 1 => {
            Map::from_iter([(table.primary_key[0].clone(), value.clone())])
        }
        _ => {
            return Err(Error::argument(
                "the table has no primary key of one column",
                hint,
            ));
        }
    };
    if object.is_empty() || object.values().any(Value::is_null) {
        return Err(Error::argument("the key is empty or has a NULL", hint));
    }
    match object.keys().find(|name| !table.columns.contains(name)) {
        None => Ok(object),
        Some(_) => Err(Error::argument(
            "the key names a column that the table has not",
            hint,
        )),
    }
}

/// `FROM … WHERE`: the row of the key, which is bound.
fn place(table: &Table, key: &Map<String, Value>) -> String {
    let conditions: Vec<String> = table
        .columns
        .iter()
        .zip(&table.quoted)
        .filter(|(name, _)| key.contains_key(*name))
        .map(|(_, column)| {
            format!(
                "{}.{column} = (SELECT k.{column} FROM jsonb_populate_record(NULL::{}, $1) k)",
                table.alias, table.name
            )
        })
        .collect();
    format!("FROM {} WHERE {} LIMIT 2", table.name, conditions.join(" AND "))
}

fn row_exists(table: &Table, key: &Map<String, Value>) -> Result<bool> {
    let text = format!("SELECT true {}", place(table, key));
    let bound = || [arg(JsonB(Value::Object(key.clone())))];
    let rows =
        xact::attempt(|| query_past_policies(table.oid, &text, &bound(), |_| ())).map_err(|_| {
            Error::argument(
                "the key does not fit the types of its columns",
                "Give values that the columns can hold.",
            )
        })??;
    match rows.len() {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::argument(
            "the key names several rows",
            "Name more columns.",
        )),
    }
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
    key: &Map<String, Value>,
    commands: &[Command],
    row_exists: bool,
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
                None => evaluated(relation, table, key, policy, row_exists),
            })
            .collect())
    })
}

fn evaluated(
    relation: &Relation,
    table: &Table,
    key: &Map<String, Value>,
    policy: &Listed,
    row_exists: bool,
) -> Value {
    let applies = policy.reason_to_apply();
    let Some(known) = relation.policies.iter().find(|known| known.name == policy.name) else {
        return policy.json(Some(true), &applies, None, None, Some("not_loaded"));
    };
    let text = xact::attempt(|| {
        let text = known.predicate.text(relation, &known.name)?;
        inspection::checked(relation, &known.name, text)
    });
    let text = match text {
        Ok(Ok(condition)) => condition.text,
        Ok(Err(error)) => return policy.json(Some(true), &applies, None, None, Some(error.code())),
        Err(failure) => return policy.json(Some(true), &applies, None, None, Some(&failure.state)),
    };
    if !row_exists {
        return policy.json(Some(true), &applies, Some(&text), None, None);
    }
    let mut explained = match truth(table, key, &text) {
        Ok(truth) => policy.json(Some(true), &applies, Some(&text), truth, None),
        Err(error) => policy.json(Some(true), &applies, Some(&text), None, Some(&error)),
    };
    if let Some(identity) = context::identity() {
        explained["authority"] = authority::asked(&text, &identity).into();
    }
    explained
}

/// Whether a condition holds for the row, or the code of the error it meets.
fn truth(
    table: &Table,
    key: &Map<String, Value>,
    condition: &str,
) -> std::result::Result<Option<Value>, String> {
    // A line end keeps a comment at the end of the text from what follows.
    let query = format!("SELECT (\n{condition}\n) {}", place(table, key));
    let bound = [arg(JsonB(Value::Object(key.clone())))];
    match xact::attempt(|| query_past_policies(table.oid, &query, &bound, |row| row.get::<bool>(1))) {
        Ok(Ok(rows)) => Ok(rows.first().map(|truth| truth.map_or(json!("null"), Value::from))),
        Ok(Err(error)) => Err(error.code().to_owned()),
        Err(failure) => Err(failure.state),
    }
}

/// The columns that a mask may cover, and whether the session sees the value in this row.
fn explain_masks(relation: &Relation, table: &Table, key: &Map<String, Value>) -> Vec<Value> {
    let masks = MASKS.with(|statement| {
        statement.query(&[oid_arg(table.oid)], |row| {
            (
                row.get::<String>(1).unwrap_or_default(),
                row.get::<String>(2).unwrap_or_default(),
            )
        })
    });
    let explained = |(column, visible_when): (String, String)| {
        let checked = xact::attempt(|| inspection::checked(relation, &column, visible_when.clone()));
        let outcome = match checked {
            Ok(Ok(condition)) => truth(table, key, &condition.text),
            Ok(Err(error)) => Err(error.code().to_owned()),
            Err(failure) => Err(failure.state),
        };
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
            name: row.get(1).unwrap_or_default(),
            group: row.get(2).unwrap_or_default(),
            kind: row.get(3).unwrap_or_default(),
            statements: row.get(4).unwrap_or_default(),
            is_enabled: row.get(5).unwrap_or(true),
            relevant_columns: row.get(6).unwrap_or_default(),
            is_masking: row.get(7).unwrap_or(false),
            source: row.get(8).unwrap_or_default(),
            is_checked: row.get(9).unwrap_or(true),
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
