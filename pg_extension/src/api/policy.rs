//! `vpd.add_policy` and its kin, the guard, the markers.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::error::Error;
use crate::policy::{self, Command, Definition};
use crate::sys::Oid;
use pgrx::prelude::*;

/// The condition of the policy vpd_guard: an error wherever the hooks are not active.
#[pg_extern(sql = false)]
fn guard() -> Answer<bool> {
    require_ready()?;
    Ok(true)
}

#[pg_extern(sql = false)]
fn context_marker() -> Answer<bool> {
    guard()
}

#[pg_extern(sql = false)]
fn statement_marker() -> Answer<bool> {
    guard()
}

#[pg_extern(sql = false)]
fn policy_violated(relation: Option<Oid>, policy: Option<&str>) -> Answer<bool> {
    let relation = relation.map(crate::sys::relation::name).unwrap_or_default();
    Err(Error::policy_check(policy.unwrap_or(""), &relation).into())
}

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn add_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    predicate: Option<String>,
    policy_function: Option<Oid>,
    kind: Option<String>,
    statement_types: Option<Vec<Option<String>>>,
    update_check: Option<bool>,
    enabled: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        predicate,
        function: policy_function,
        kind,
        statement_types: statement_types
            .map(|types| without_null(types, "statement_types"))
            .transpose()?,
        update_check,
        enabled,
    };
    policy::add(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn alter_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    predicate: Option<String>,
    policy_function: Option<Oid>,
    kind: Option<String>,
    statement_types: Option<Vec<Option<String>>>,
    update_check: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        predicate,
        function: policy_function,
        kind,
        statement_types: statement_types
            .map(|types| without_null(types, "statement_types"))
            .transpose()?,
        update_check,
        enabled: None,
    };
    policy::alter(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn enable_policy(relation: Option<Oid>, policy_name: Option<&str>, enabled: Option<bool>) -> Answer<()> {
    require_primary()?;
    let name = required(policy_name, "policy_name")?;
    policy::enable(required(relation, "relation")?, name, enabled.unwrap_or(true))?;
    Ok(())
}

#[pg_extern(sql = false)]
fn refresh_policy(relation: Option<Oid>, policy_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::refresh(required(relation, "relation")?, policy_name)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_policy(relation: Option<Oid>, policy_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::drop_policy(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn effective_predicate(relation: Option<Oid>, command: Option<&str>) -> Answer<Option<String>> {
    require_ready()?;
    let command = Command::parse(command.unwrap_or("select"))
        .ok_or_else(|| Error::argument("unknown command", "Use select, insert, update or delete."))?;
    Ok(policy::effective_predicate(
        required(relation, "relation")?,
        command,
    )?)
}

/// Called by the event triggers, after tables were created, changed or dropped.
#[pg_extern(sql = false)]
fn follow_ddl() -> Answer<()> {
    if crate::sys::is_ready() && crate::sys::extension::is_installed() && !crate::sys::spi::is_internal() {
        policy::forget_dropped_tables();
        policy::protect_new_partitions()?;
    }
    Ok(())
}
