//! Schema `dbms_fga`: Oracle's package for fine-grained auditing over the audit policies, with its parameter names, order and defaults.

use super::oracle_name::{function_name, identifier, out_of_range, table, words};
use super::{Answer, require_primary, required};
use crate::access::{self, Definition};
use crate::error::Result;
use crate::sys::Oid;
use pgrx::prelude::*;

const ANY_COLUMNS: i32 = 0;
const ALL_COLUMNS: i32 = 1;
/// Bit of `audit_trail` that asks for the text of the statement.
const EXTENDED: i32 = 1;
const DB: i32 = 2;
const XML: i32 = 4;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the procedure's signature, called with named arguments"
)]
fn dbms_fga_add_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_name: Option<&str>,
    audit_condition: Option<String>,
    audit_column: Option<&str>,
    handler_schema: Option<&str>,
    handler_module: Option<&str>,
    enable: Option<bool>,
    statement_types: Option<&str>,
    audit_trail: Option<i32>,
    audit_column_opts: Option<i32>,
    _policy_owner: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let (table, name) = named(object_schema, object_name, policy_name)?;
    let is_blank = |text: &str| text.trim().is_empty();
    let columns = audit_column.filter(|columns| !is_blank(columns)).map(|columns| {
        let names = words(columns, &[',', ' ']);
        names
            .iter()
            .map(|name| identifier(name))
            .collect::<Result<Vec<_>>>()
    });
    let definition = Definition {
        columns: columns.transpose()?,
        needs_all_columns: match audit_column_opts {
            None | Some(ANY_COLUMNS) => false,
            Some(ALL_COLUMNS) => true,
            Some(_) => {
                let hint = "Use dbms_fga.any_columns() or dbms_fga.all_columns().";
                return Err(out_of_range("audit_column_opts", hint).into());
            }
        },
        condition: audit_condition.filter(|condition| !is_blank(condition)),
        commands: words(statement_types.unwrap_or("select"), &[','])
            .iter()
            .map(|command| command.to_lowercase())
            .collect(),
        mode: "async".to_owned(),
        handler: handler(handler_schema, handler_module)?,
        tells_statement: match audit_trail {
            None => true,
            Some(kinds) if kinds & !(DB | XML | EXTENDED) == 0 && kinds != 0 => kinds & EXTENDED != 0,
            Some(_) => {
                let hint = "Use dbms_fga.db() or dbms_fga.xml(), or that + dbms_fga.extended().";
                return Err(out_of_range("audit_trail", hint).into());
            }
        },
        is_enabled: enable.unwrap_or(true),
    };
    access::add(table, &name, &definition)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_fga_drop_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_name: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let (table, name) = named(object_schema, object_name, policy_name)?;
    access::drop_policy(table, &name)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn dbms_fga_enable_policy(
    object_schema: Option<&str>,
    object_name: Option<&str>,
    policy_name: Option<&str>,
    enable: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let (table, name) = named(object_schema, object_name, policy_name)?;
    access::enable(table, &name, enable.unwrap_or(true))?;
    Ok(())
}

fn named(schema: Option<&str>, object: Option<&str>, policy: Option<&str>) -> Result<(Oid, String)> {
    Ok((
        table(schema, object)?,
        identifier(required(policy, "policy_name")?)?,
    ))
}

fn handler(schema: Option<&str>, module: Option<&str>) -> Result<Option<Oid>> {
    let Some(module) = module.filter(|module| !module.trim().is_empty()) else {
        return Ok(None);
    };
    let (schema, name) = function_name(schema, module)?;
    access::handler_named(&schema, &name).map(Some)
}
