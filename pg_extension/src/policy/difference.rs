//! What the proposed definitions of a table would change: the rows that a session would see more, or less.
//!
//! The rows are copied once, and the conditions asked of the copy for one session after the other.

use super::cache::Relation;
use super::inspection::{self, Condition, conjunction};
use super::name::function_named;
use super::version::{Shadow, shadows};
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::document::Document;
use crate::sys::function::call_policy_function;
use crate::sys::restriction::Command;
use crate::sys::row_copy::RowCopy;
use crate::sys::spi::{oid_arg, statements};
use crate::sys::user::Restricted;
use crate::{context, session};
use pgrx::{JsonB, Uuid};

statements! {
    ROW_KEY = "policy/row_key.sql";
}

/// A row that would change.
pub struct Difference {
    pub user_name: String,
    pub session_id: Option<Uuid>,
    /// Gained, or lost.
    pub is_gained: bool,
    pub row_key: JsonB,
}

/// The rows that the proposals would show or hide, for the newest session of a user or for a sample of the newest sessions.
pub fn differences(
    table: Oid,
    user: Option<&str>,
    policy: Option<&str>,
    sample: i64,
    max_rows: i64,
    command: Command,
) -> Result<Vec<Difference>> {
    let relation = inspection::protected(table)?;
    let proposed = shadows(table, policy);
    if proposed.is_empty() {
        return Err(Error::shadow_not_found());
    }
    let sessions = session::live_sessions(user, None, if user.is_some() { 1 } else { sample });
    if sessions.is_empty() {
        return Err(Error::session_not_found());
    }
    let rows = RowCopy::read(table, "true", &[], None)?;
    let mut differences = Vec::new();
    for (identity, liveness) in sessions {
        let changed = context::impersonate(identity.clone(), liveness, || {
            changed_rows(&relation, &rows, &proposed, command, max_rows)
        })?;
        differences.extend(changed.into_iter().map(|(row_key, is_gained)| Difference {
            user_name: identity.user_name.clone(),
            session_id: identity.session_id,
            is_gained,
            row_key,
        }));
    }
    Ok(differences)
}

fn changed_rows(
    relation: &Relation,
    rows: &RowCopy,
    proposed: &[Shadow],
    command: Command,
    max_rows: i64,
) -> Result<Vec<(JsonB, bool)>> {
    let active = inspection::conditions(relation, command)?;
    let mut future: Vec<Condition> = active
        .iter()
        .filter(|condition| !proposed.iter().any(|shadow| shadow.policy == condition.policy))
        .cloned()
        .collect();
    for shadow in proposed {
        if applies(relation, shadow, command) {
            future.push(condition(relation, shadow)?);
        }
    }
    let Some((key, table)) = ROW_KEY.with(|statement| {
        statement.query_one(&[oid_arg(relation.oid)], |row| {
            (row.required::<String>(1), row.required::<String>(2))
        })
    }) else {
        return Ok(Vec::new());
    };
    let text = format!(
        "SELECT d.row_key, d.will_show FROM (SELECT {key} AS row_key, {} AS shows, {} AS will_show FROM {table}) d \
          WHERE d.shows <> d.will_show ORDER BY d.row_key LIMIT {}",
        conjunction(&active),
        conjunction(&future),
        max_rows + 1
    );
    let mut changed = rows.query(&text, |row| {
        Some((
            JsonB(row.get::<Document>(1)?.known().clone()),
            row.get::<bool>(2)?,
        ))
    })?;
    if changed.len() as i64 > max_rows {
        changed.truncate(max_rows as usize);
        Error::more_differences(max_rows).warn();
    }
    Ok(changed.into_iter().flatten().collect())
}

/// Whether a proposal will apply to the command: as it says itself, or as the policy that it replaces does.
fn applies(relation: &Relation, shadow: &Shadow, command: Command) -> bool {
    let active = relation
        .policies
        .iter()
        .find(|policy| policy.name == shadow.policy);
    match (&shadow.statement_types, active) {
        (Some(types), _) => types.iter().any(|name| Command::parse(name) == Some(command)),
        (None, Some(active)) => active.commands.contains(&command),
        (None, None) => command != Command::Index,
    }
}

fn condition(relation: &Relation, shadow: &Shadow) -> Result<Condition> {
    let text = match (&shadow.predicate, &shadow.function) {
        (Some(predicate), _) => predicate.clone(),
        (None, Some((schema, name))) => {
            let function = function_named(schema, name)?;
            let _caller = Restricted::as_caller_on(relation.oid);
            let text = call_policy_function(&shadow.policy, function, &relation.schema, &relation.name)?;
            super::predicate::not_empty(text)
        }
        (None, None) => "false".to_owned(),
    };
    inspection::checked(relation, &shadow.policy, text)
}
