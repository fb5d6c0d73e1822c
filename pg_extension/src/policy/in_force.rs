//! The predicates that are in force for a session, as text: Oracle's V$VPD_POLICY.

use super::cache;
use super::compose::applying;
use super::{inspection, native};
use crate::context;
use crate::error::{Error, Result};
use crate::session;
use crate::sys::restriction::Command;
use crate::sys::spi::statements;
use crate::sys::{Oid, xact};
use pgrx::Uuid;

const COMMANDS: [(&str, Command); 4] = [
    ("select", Command::Select),
    ("insert", Command::Insert),
    ("update", Command::Update),
    ("delete", Command::Delete),
];

statements! {
    TABLES = scanning "explain/tables.sql";
}

/// A predicate in force.
pub struct InForce {
    pub user_name: Option<String>,
    pub table: Oid,
    pub command: &'static str,
    pub group: String,
    pub policy: String,
    /// Its text; `None` when it cannot be made.
    pub predicate: Option<String>,
    /// Why not: a code of ours, or an SQLSTATE.
    pub error: Option<String>,
}

/// Per table, command and policy, for one live session or for the attached one.
pub fn predicates(session_id: Option<Uuid>) -> Result<Vec<InForce>> {
    let Some(session_id) = session_id else {
        return Ok(all());
    };
    let (identity, liveness) = session::live_sessions(None, Some(session_id), 1)
        .pop()
        .ok_or_else(Error::session_not_found)?;
    Ok(context::impersonate(identity, liveness, all))
}

fn all() -> Vec<InForce> {
    let user_name = context::identity().map(|identity| identity.user_name.clone());
    let mut rows = Vec::new();
    let tables = TABLES.with(|statement| statement.query(&[], |row| row.get::<Oid>(1)));
    for table in tables.into_iter().flatten() {
        let Some(relation) = cache::relation(table) else {
            continue;
        };
        for (name, command) in COMMANDS {
            let row = |group: &str, policy: &str, text: std::result::Result<String, xact::Failure>| {
                let (predicate, error) = match text {
                    Ok(text) => (Some(text), None),
                    Err(failure) => (None, Some(failure.code())),
                };
                InForce {
                    user_name: user_name.clone(),
                    table,
                    command: name,
                    group: group.to_owned(),
                    policy: policy.to_owned(),
                    predicate,
                    error,
                }
            };
            match xact::attempt(|| Ok(applying(&relation, command)?.collect::<Vec<_>>())) {
                Err(failure) => rows.push(row("", "", Err(failure))),
                Ok(policies) => rows.extend(policies.into_iter().map(|policy| {
                    let text = xact::attempt(|| inspection::text(&relation, policy));
                    row(&policy.group, &policy.name, text)
                })),
            }
            for native in native::for_command(table, command) {
                let condition = native.condition.clone().unwrap_or_default();
                rows.push(row(native.kind(), &native.name, Ok(condition)));
            }
        }
    }
    rows
}
