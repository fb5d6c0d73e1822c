//! Why a user may, or may not, reach a row: each policy, whether it applies, its predicate, and its truth for the row.
//!
//! The caller needs the privilege to read the table. Predicates are asked of a copy of the row. They, and what they reach, run as the caller,
//! and as the table's owner when a superuser asks, and write nothing. Only truth values come out, never a value of the row.

mod authority;
mod listed;
mod recorded;
mod row;
mod tree;
mod verdict;

use super::cache::Relation;
use super::chosen::Chosen;
use super::{cache, inspection, native};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::session;
use crate::sys::restriction::Command;
use crate::sys::row_copy::RowCopy;
use crate::sys::spi::{oid_arg, statements};
use crate::sys::{Oid, user, xact};
use listed::{Listed, listed};
use pgrx::Uuid;
use row::{Table, checked_key, find, table, truth};
use serde_json::{Value, json};
use verdict::verdict;

pub use tree::lines;

statements! {
    MASKS = "explain/masks.sql";
    EXEMPT = "explain/exempt.sql";
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
    let audits = || recorded::audits(&table, &row, &commands);
    let audits = match &found {
        Some((identity, liveness)) => context::impersonate(std::rc::Rc::clone(identity), *liveness, audits),
        None => audits(),
    };
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
        "audits": audits,
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

fn describe(identity: &Identity) -> Value {
    let mut roles: Vec<&String> = identity.authority.roles.iter().collect();
    roles.sort();
    json!({
        "session_id": identity.session_id.map(|id| id.to_string()),
        "app": identity.app,
        "issuer": recorded::issuer(identity.session_id),
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
