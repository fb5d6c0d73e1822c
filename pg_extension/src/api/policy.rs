//! `vpd.add_policy` and its kin, the guard, the markers.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::error::{Error, Result};
use crate::policy::{self, Definition};
use crate::sys::hooks::inheritance;
use crate::sys::restriction::Command;
use crate::sys::{ErrorReport, Oid};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};

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
fn permitted(_command: Option<i32>, is_open: Option<bool>) -> Answer<bool> {
    Ok(guard()? && is_open.unwrap_or(false))
}

#[pg_extern(sql = false)]
fn policy_violated(relation: Option<Oid>, policy: Option<&str>) -> Answer<bool> {
    if let (Some(relation), Some(policy)) = (relation, policy) {
        policy::denied(relation, policy);
    }
    let relation = relation.map(crate::sys::relation::name).unwrap_or_default();
    Err(Error::policy_check(policy.unwrap_or(""), &relation).into())
}

/// True, in the end: the predicate itself, where the planner did not settle whether it applies.
#[pg_extern(sql = false)]
fn relevant(_columns: Option<Vec<i16>>, predicate: Option<bool>) -> Option<bool> {
    predicate
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
    policy_group: Option<String>,
    relevant_columns: Option<Vec<Option<String>>>,
    mask_columns: Option<bool>,
    namespace: Option<String>,
    attribute: Option<String>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        predicate,
        function: policy_function,
        kind,
        statement_types: list(statement_types, "statement_types")?,
        update_check,
        enabled,
        group: policy_group,
        relevant_columns: list(relevant_columns, "relevant_columns")?,
        is_masking: mask_columns,
        association: pair(namespace, attribute)?,
    };
    policy::add(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn alter_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    predicate: Option<String>,
    policy_function: Option<Oid>,
    kind: Option<String>,
    statement_types: Option<Vec<Option<String>>>,
    update_check: Option<bool>,
    relevant_columns: Option<Vec<Option<String>>>,
    mask_columns: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        predicate,
        function: policy_function,
        kind,
        statement_types: list(statement_types, "statement_types")?,
        update_check,
        relevant_columns: list(relevant_columns, "relevant_columns")?,
        is_masking: mask_columns,
        ..Definition::default()
    };
    policy::alter(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

/// A list none of whose elements is NULL, where one is given.
pub(super) fn list(values: Option<Vec<Option<String>>>, name: &str) -> Result<Option<Vec<String>>> {
    values.map(|values| without_null(values, name)).transpose()
}

/// Namespace and attribute, both or neither.
pub(super) fn pair(namespace: Option<String>, attribute: Option<String>) -> Result<Option<(String, String)>> {
    match (namespace, attribute) {
        (None, None) => Ok(None),
        (Some(namespace), Some(attribute)) => Ok(Some((namespace, attribute))),
        _ => Err(Error::policy_argument(
            "namespace and attribute go together",
            "Give both, or neither.",
        )),
    }
}

#[pg_extern(sql = false)]
fn associate_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    namespace: Option<&str>,
    attribute: Option<&str>,
    associated: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    policy::associate(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
        associated.unwrap_or(true),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn create_policy_group(relation: Option<Oid>, policy_group: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::create_group(
        required(relation, "relation")?,
        required(policy_group, "policy_group")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_policy_group(relation: Option<Oid>, policy_group: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::drop_group(
        required(relation, "relation")?,
        required(policy_group, "policy_group")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn add_policy_context(relation: Option<Oid>, namespace: Option<&str>, attribute: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::add_driving_context(
        required(relation, "relation")?,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_policy_context(
    relation: Option<Oid>,
    namespace: Option<&str>,
    attribute: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    policy::drop_driving_context(
        required(relation, "relation")?,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
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
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn shadow_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    predicate: Option<String>,
    policy_function: Option<Oid>,
    kind: Option<String>,
    statement_types: Option<Vec<Option<String>>>,
    update_check: Option<bool>,
    relevant_columns: Option<Vec<Option<String>>>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        predicate,
        function: policy_function,
        kind,
        statement_types: list(statement_types, "statement_types")?,
        update_check,
        relevant_columns: list(relevant_columns, "relevant_columns")?,
        ..Definition::default()
    };
    policy::shadow(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_shadow(relation: Option<Oid>, policy_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::drop_shadow(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn promote_policy(relation: Option<Oid>, policy_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    policy::promote(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn rollback_policy(relation: Option<Oid>, policy_name: Option<&str>, version: Option<i32>) -> Answer<i32> {
    require_primary()?;
    Ok(policy::roll_back(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        version,
    )?)
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn policy_diff(
    relation: Option<Oid>,
    user_name: Option<&str>,
    policy_name: Option<&str>,
    sample: Option<i32>,
    max_rows: Option<i32>,
    command: Option<&str>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(session_user_name, String),
            name!(session_id, Option<Uuid>),
            name!(change, String),
            name!(row_key, JsonB),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let within = |value: Option<i32>, default: i32, most: i32, name: &str| match value.unwrap_or(default) {
        value if (1..=most).contains(&value) => Ok(i64::from(value)),
        _ => Err(Error::argument(
            format!("{name} is out of range"),
            format!("Use 1 to {most}."),
        )),
    };
    let rows = policy::differences(
        required(relation, "relation")?,
        user_name,
        policy_name,
        within(sample, 20, 1000, "sample")?,
        within(max_rows, 1000, 1_000_000, "max_rows")?,
        parse_command(command)?,
    )?;
    Ok(TableIterator::new(rows.into_iter().map(|row| {
        let change = if row.is_gained { "gained" } else { "lost" };
        (row.user_name, row.session_id, change.to_owned(), row.row_key)
    })))
}

fn parse_command(command: Option<&str>) -> Result<Command> {
    Command::parse(command.unwrap_or("select"))
        .ok_or_else(|| Error::argument("unknown command", "Use select, insert, update, delete or index."))
}

#[pg_extern(sql = false)]
fn effective_predicate(relation: Option<Oid>, command: Option<&str>) -> Answer<Option<String>> {
    require_ready()?;
    let command = parse_command(command)?;
    Ok(policy::effective_predicate(
        required(relation, "relation")?,
        command,
    )?)
}

/// Called by the event triggers, after tables were created, changed or dropped.
#[pg_extern(sql = false)]
fn follow_ddl() {
    if !crate::sys::extension::is_installed() || crate::sys::spi::is_internal() {
        return;
    }
    if crate::sys::is_ready() {
        policy::forget_dropped_tables();
        policy::exemption::end_stale();
        // A dump makes everything itself, in several connections at once.
        if !crate::sys::user::is_loading_dump() {
            // What this command brought into a family is looked at as such, before it is taken for a straggler.
            let joined = inheritance::take_joined();
            if !joined.is_empty() {
                policy::reach::follow_joined(&joined).unwrap_or_else(|error| error.raise());
            }
            policy::protect_stragglers();
            policy::mask::follow_columns();
            crate::audit::follow_ddl();
            crate::personal::follow_columns();
        }
    } else {
        // Without the hooks this is what closes a copy that is being restored.
        policy::reach::close_all_forced();
    }
}
