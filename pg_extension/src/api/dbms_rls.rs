//! Schema `dbms_rls`: Oracle's package over the same catalogue, with its parameter names, order and defaults.

use super::oracle_name::{function_name, identifier, out_of_range, table, words};
use super::policy::pair;
use super::{Answer, require_primary, required};
use crate::error::Result;
use crate::policy::{self, Definition};
use crate::sys::Oid;
use pgrx::prelude::*;

const ALL_ROWS: i32 = 1;
const ADD_ATTRIBUTE_ASSOCIATION: i32 = 1;
const REMOVE_ATTRIBUTE_ASSOCIATION: i32 = 2;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the procedure's signature, called with named arguments"
)]
fn dbms_rls_add_grouped_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_group: Option<String>,
    policy_name: Option<&str>,
    function_schema: Option<&str>,
    policy_function: Option<&str>,
    statement_types: Option<&str>,
    update_check: Option<bool>,
    enable: Option<bool>,
    static_policy: Option<bool>,
    policy_type: Option<i32>,
    _long_predicate: Option<bool>,
    sec_relevant_cols: Option<&str>,
    sec_relevant_cols_opt: Option<i32>,
    namespace: Option<String>,
    attribute: Option<String>,
) -> Answer<()> {
    require_primary()?;
    let table = table(object_schema, object_name)?;
    let name = identifier(required(policy_name, "policy_name")?)?;
    let is_masking = match sec_relevant_cols_opt {
        None => false,
        Some(ALL_ROWS) => true,
        Some(_) => {
            return Err(out_of_range("sec_relevant_cols_opt", "Use dbms_rls.all_rows() or NULL.").into());
        }
    };
    let definition = Definition {
        function: Some(function(function_schema, policy_function)?),
        kind: Some(kind(policy_type, static_policy.unwrap_or(false))?.to_owned()),
        statement_types: statement_types.map(|types| words(types, &[','])),
        update_check: Some(update_check.unwrap_or(false)),
        enabled: Some(enable.unwrap_or(true)),
        group: policy_group,
        relevant_columns: sec_relevant_cols
            .map(|columns| {
                words(columns, &[',', ' '])
                    .iter()
                    .map(|name| identifier(name))
                    .collect()
            })
            .transpose()?,
        is_masking: Some(is_masking),
        association: pair(namespace, attribute)?,
        ..Definition::default()
    };
    policy::add(table, &name, &definition)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_alter_grouped_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_group: Option<&str>,
    policy_name: Option<&str>,
    alter_option: Option<i32>,
    namespace: Option<&str>,
    attribute: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let table = table(object_schema, object_name)?;
    let name = grouped(table, policy_group, policy_name)?;
    let associated = match alter_option {
        Some(ADD_ATTRIBUTE_ASSOCIATION) => true,
        Some(REMOVE_ATTRIBUTE_ASSOCIATION) => false,
        _ => {
            let hint = "Use dbms_rls.add_attribute_association() or dbms_rls.remove_attribute_association().";
            return Err(out_of_range("alter_option", hint).into());
        }
    };
    policy::associate(
        table,
        &name,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
        associated,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_drop_grouped_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_group: Option<&str>,
    policy_name: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let table = table(object_schema, object_name)?;
    policy::drop_policy(table, &grouped(table, policy_group, policy_name)?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_enable_grouped_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    group_name: Option<&str>,
    policy_name: Option<&str>,
    enable: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let table = table(object_schema, object_name)?;
    policy::enable(
        table,
        &grouped(table, group_name, policy_name)?,
        enable.unwrap_or(true),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_refresh_grouped_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    group_name: Option<&str>,
    policy_name: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    if object_name.is_none() {
        policy::refresh_all()?;
        return Ok(());
    }
    let table = table(object_schema, object_name)?;
    let name = policy_name
        .map(|name| grouped(table, group_name, Some(name)))
        .transpose()?;
    policy::refresh(table, name.as_deref())?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_create_policy_group(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_group: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    policy::create_group(
        table(object_schema, object_name)?,
        required(policy_group, "policy_group")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_delete_policy_group(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_group: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    policy::drop_group(
        table(object_schema, object_name)?,
        required(policy_group, "policy_group")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_add_policy_context(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    namespace: Option<&str>,
    attribute: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    policy::add_driving_context(
        table(object_schema, object_name)?,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_rls_drop_policy_context(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    namespace: Option<&str>,
    attribute: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    policy::drop_driving_context(
        table(object_schema, object_name)?,
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
    )?;
    Ok(())
}

fn function(schema: Option<&str>, name: Option<&str>) -> Result<Oid> {
    let (schema, name) = function_name(schema, required(name, "policy_function")?)?;
    policy::function_named(&schema, &name)
}

/// The name of a policy that belongs to the group.
fn grouped(table: Oid, group: Option<&str>, name: Option<&str>) -> Result<String> {
    let name = identifier(required(name, "policy_name")?)?;
    policy::require_in_group(table, group, &name)?;
    Ok(name)
}

fn kind(policy_type: Option<i32>, is_static: bool) -> Result<&'static str> {
    match policy_type {
        None if is_static => Ok("static"),
        None | Some(5) => Ok("dynamic"),
        Some(1) => Ok("static"),
        Some(2) => Ok("shared_static"),
        Some(3) => Ok("context_sensitive"),
        Some(4) => Ok("shared_context_sensitive"),
        Some(_) => Err(out_of_range(
            "policy_type",
            "Use dbms_rls.static(), shared_static(), context_sensitive(), shared_context_sensitive() or dynamic().",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_type_overrides_static_policy() {
        assert_eq!(kind(None, true).ok(), Some("static"));
        assert_eq!(kind(Some(3), true).ok(), Some("context_sensitive"));
        assert!(kind(Some(9), false).is_err());
    }
}
