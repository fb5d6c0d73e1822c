//! `vpd.add_audit_policy` and its kin.

use super::policy::list;
use super::{Answer, require_primary, required, without_null};
use crate::access::{self, Definition};
use crate::sys::Oid;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn add_audit_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    columns: Option<Vec<Option<String>>>,
    condition: Option<String>,
    commands: Option<Vec<Option<String>>>,
    mode: Option<String>,
    handler: Option<Oid>,
    statement_text: Option<bool>,
    all_columns: Option<bool>,
    enabled: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        columns: list(columns, "columns")?,
        needs_all_columns: required(all_columns, "all_columns")?,
        condition,
        commands: without_null(required(commands, "commands")?, "commands")?,
        mode: required(mode, "mode")?,
        handler,
        tells_statement: required(statement_text, "statement_text")?,
        is_enabled: required(enabled, "enabled")?,
    };
    access::add(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_audit_policy(relation: Option<Oid>, policy_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    access::drop_policy(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn enable_audit_policy(
    relation: Option<Oid>,
    policy_name: Option<&str>,
    enabled: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    access::enable(
        required(relation, "relation")?,
        required(policy_name, "policy_name")?,
        required(enabled, "enabled")?,
    )?;
    Ok(())
}
