//! Adding, changing and dropping policies. Every edit takes the table's exclusive lock, so that nobody plans with half of it,
//! and is announced to every backend when it commits.

use super::family::{announce, lock_table, protect_family, unprotect_family};
use super::group::{self, SYS_DEFAULT};
use super::kind::Kind;
use super::{reach, warning};
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::predicate::compile;
use crate::sys::restriction::Command;
use crate::sys::spi::{Statement, arg, oid_arg};

const MAX_PREDICATE_BYTES: usize = 64 * 1024;
const MAX_NAME_BYTES: usize = 63;

thread_local! {
    static FUNCTION: Statement = const { Statement::new(include_str!("../../../sql/query/policy/function.sql")) };
    static INSERT: Statement = const { Statement::new(include_str!("../../../sql/query/policy/insert.sql")) };
    static UPDATE: Statement = const { Statement::new(include_str!("../../../sql/query/policy/update.sql")) };
    static DELETE: Statement = const { Statement::new(include_str!("../../../sql/query/policy/delete.sql")) };
    static PROTECTED: Statement = const { Statement::scanning(include_str!("../../../sql/query/policy/protected.sql")) };
    static EXISTS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/exists.sql")) };
    static ASSOCIATE: Statement = const { Statement::new(include_str!("../../../sql/query/policy/associate.sql")) };
    static COLUMNS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/columns.sql")) };
}

/// What a policy says; `None` leaves a property as it is or as it is by default.
#[derive(Default)]
pub struct Definition {
    /// Predicate template.
    pub predicate: Option<String>,
    /// Policy function.
    pub function: Option<Oid>,
    /// When a function runs again.
    pub kind: Option<String>,
    /// Commands it applies to.
    pub statement_types: Option<Vec<String>>,
    /// Whether new rows must satisfy it.
    pub update_check: Option<bool>,
    /// Whether it restricts anything.
    pub enabled: Option<bool>,
    /// Group it belongs to; fixed when it is added.
    pub group: Option<String>,
    /// Columns of which a statement must reference one; empty for none.
    pub relevant_columns: Option<Vec<String>>,
    /// Whether the relevant columns are masked, instead of rows being left out.
    pub is_masking: Option<bool>,
    /// Attribute whose change makes the function run again, as namespace and name; taken when the policy is added.
    pub association: Option<(String, String)>,
}

/// The parts of a definition that the catalogue keeps in a form of its own.
pub(super) struct Checked {
    pub function: Option<(String, String)>,
    pub kind: Option<String>,
    pub statement_types: Option<Vec<String>>,
    pub relevant_columns: Option<Vec<String>>,
}

/// Checks a definition against the table; the table is locked.
pub(super) fn check(table: Oid, name: &str, definition: &Definition) -> Result<Checked> {
    check_name(name)?;
    if definition.predicate.is_some() == definition.function.is_some() {
        return Err(Error::policy_argument(
            "a policy needs a predicate or a policy function, and not both",
            "Give predicate => '…' or policy_function => 'schema.function'.",
        ));
    }
    Ok(Checked {
        function: checked_source(table, definition)?,
        kind: definition.kind.as_deref().map(checked_kind).transpose()?,
        statement_types: definition
            .statement_types
            .clone()
            .map(checked_statement_types)
            .transpose()?,
        relevant_columns: checked_columns(table, definition)?,
    })
}

/// Whether the table has a policy of that name.
pub(super) fn exists(table: Oid, name: &str) -> bool {
    EXISTS
        .with(|statement| statement.query_one(&[oid_arg(table), arg(name)], |_| ()))
        .is_some()
}

/// Adds a policy; with the first one protects the table and its partitions.
pub fn add(table: Oid, name: &str, definition: &Definition) -> Result<()> {
    if lock_table(table)? {
        return Err(Error::wrong_relation(
            "the table is a partition or child of a table without policies",
            "Its rows can be read through the parent: add the policy to the parent.",
        ));
    }
    let checked = check(table, name, definition)?;
    let default_kind = if checked.function.is_some() {
        "dynamic"
    } else {
        "shared_static"
    };
    let kind = checked.kind.unwrap_or_else(|| default_kind.to_owned());
    let all = || {
        ["select", "insert", "update", "delete"]
            .map(str::to_owned)
            .to_vec()
    };
    let statement_types = checked.statement_types.unwrap_or_else(all);
    let columns = checked.relevant_columns.filter(|columns| !columns.is_empty());
    let group = group::checked_group(definition.group.as_deref().unwrap_or(SYS_DEFAULT))?;
    group::require_group(table, &group)?;
    let is_masking = definition.is_masking.unwrap_or(false);
    if is_masking && columns.is_none() {
        return Err(Error::policy_argument(
            "a policy that masks needs relevant columns",
            "Name them in relevant_columns.",
        ));
    }
    let associations = definition
        .association
        .as_ref()
        .map(|(namespace, attribute)| association(namespace, attribute))
        .transpose()?
        .map(|association| vec![association]);
    let (schema, function_name) = checked.function.unzip();
    let added = INSERT.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(name),
            arg(definition.predicate.as_deref()),
            arg(schema),
            arg(function_name),
            arg(kind),
            arg(statement_types),
            arg(definition.update_check.unwrap_or(true)),
            arg(definition.enabled.unwrap_or(true)),
            arg(group),
            arg(columns),
            arg(is_masking),
            arg(associations),
        ])
    });
    if added == 0 {
        return Err(Error::policy_exists(name));
    }
    protect_family(table)?;
    announce(table);
    reach::warn_of_stored_code(table);
    Ok(())
}

/// Changes a policy.
pub fn alter(table: Oid, name: &str, definition: &Definition) -> Result<()> {
    lock_table(table)?;
    if definition.predicate.is_some() && definition.function.is_some() {
        return Err(Error::policy_argument(
            "a policy has a predicate or a policy function, not both",
            "Give one of predicate and policy_function.",
        ));
    }
    let (schema, function_name) = checked_source(table, definition)?.unzip();
    let kind = definition.kind.as_deref().map(checked_kind).transpose()?;
    let statement_types = definition
        .statement_types
        .clone()
        .map(checked_statement_types)
        .transpose()?;
    let columns = checked_columns(table, definition)?;
    let changed = UPDATE.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(name),
            arg(definition.predicate.as_deref()),
            arg(schema),
            arg(function_name),
            arg(kind),
            arg(statement_types),
            arg(definition.update_check),
            arg(definition.enabled),
            arg(columns),
            arg(definition.is_masking),
        ])
    });
    found(changed, name)?;
    announce(table);
    Ok(())
}

/// Associates an attribute of the session with a policy, or takes the association back.
pub fn associate(table: Oid, name: &str, namespace: &str, attribute: &str, associated: bool) -> Result<()> {
    let association = association(namespace, attribute)?;
    lock_table(table)?;
    let changed = ASSOCIATE
        .with(|statement| statement.execute(&[oid_arg(table), arg(name), arg(association), arg(associated)]));
    found(changed, name)?;
    announce(table);
    Ok(())
}

/// Enables or disables a policy.
pub fn enable(table: Oid, name: &str, enabled: bool) -> Result<()> {
    alter(
        table,
        name,
        &Definition {
            enabled: Some(enabled),
            ..Definition::default()
        },
    )
}

/// Makes every backend forget the predicates of a table.
pub fn refresh(table: Oid, name: Option<&str>) -> Result<()> {
    lock_table(table)?;
    if let Some(name) = name
        && !exists(table, name)
    {
        return Err(Error::policy_not_found(name));
    }
    announce(table);
    Ok(())
}

/// Makes every backend forget the predicates of every table.
pub fn refresh_all() -> Result<()> {
    let tables = PROTECTED.with(|statement| statement.query(&[], |row| row.get::<Oid>(1)));
    tables
        .into_iter()
        .flatten()
        .try_for_each(|table| refresh(table, None))
}

/// Drops a policy; with the last one the table gets back what protecting it changed.
pub fn drop_policy(table: Oid, name: &str) -> Result<()> {
    lock_table(table)?;
    let dropped = DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(name)]));
    found(dropped, name)?;
    announce(table);
    unprotect_family(table);
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let is_good = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.chars().any(char::is_control)
        && !name.starts_with("vpd_");
    if is_good {
        return Ok(());
    }
    Err(Error::policy_argument(
        "the policy name is not usable",
        "Use 1 to 63 bytes without control characters, not beginning with vpd_.",
    ))
}

/// Checks the predicate against the table; returns schema and name of the function, when there is one.
fn checked_source(table: Oid, definition: &Definition) -> Result<Option<(String, String)>> {
    if let Some(predicate) = &definition.predicate {
        if predicate.len() > MAX_PREDICATE_BYTES {
            return Err(Error::predicate_invalid(false, "it is longer than 64 KiB"));
        }
        warning::warn(&compile(table, predicate, None)?);
    }
    let Some(function) = definition.function else {
        return Ok(None);
    };
    let facts = FUNCTION.with(|statement| {
        statement.query_one(&[oid_arg(function)], |row| {
            (
                row.required::<String>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
            )
        })
    });
    match facts {
        Some((schema, name, true)) => Ok(Some((schema, name))),
        _ => Err(Error::policy_argument(
            "the policy function has the wrong signature",
            "It must be (object_schema text, object_name text) RETURNS text.",
        )),
    }
}

/// The names as the catalogue keeps them: `namespace.attribute`.
fn association(namespace: &str, attribute: &str) -> Result<String> {
    group::checked_attribute(namespace, attribute)?;
    if namespace.contains('.') {
        return Err(Error::policy_argument(
            "a namespace has no dot",
            "Give namespace and attribute separately.",
        ));
    }
    Ok(format!("{namespace}.{attribute}"))
}

fn checked_columns(table: Oid, definition: &Definition) -> Result<Option<Vec<String>>> {
    let Some(columns) = &definition.relevant_columns else {
        return Ok(None);
    };
    let mut wanted = columns.clone();
    wanted.sort();
    wanted.dedup();
    let known: Vec<String> = COLUMNS
        .with(|statement| statement.query(&[oid_arg(table), arg(wanted.clone())], |row| row.get::<String>(1)))
        .into_iter()
        .flatten()
        .collect();
    match wanted.iter().find(|name| !known.contains(name)) {
        None => Ok(Some(wanted)),
        Some(name) => Err(Error::not_found(
            "column_not_found",
            format!("the table has no column \"{name}\""),
            "Name columns of the table.",
        )),
    }
}

fn checked_kind(kind: &str) -> Result<String> {
    let kind = kind.to_ascii_lowercase();
    if Kind::parse(&kind).is_some() {
        return Ok(kind);
    }
    Err(Error::policy_argument(
        "unknown kind of policy",
        "Use static, shared_static, context_sensitive, shared_context_sensitive or dynamic.",
    ))
}

fn checked_statement_types(types: Vec<String>) -> Result<Vec<String>> {
    let mut checked: Vec<String> = Vec::new();
    for kind in &types {
        let kind = kind.trim().to_ascii_lowercase();
        if Command::parse(&kind).is_none() {
            return Err(Error::policy_argument(
                "unknown statement type",
                "Use select, insert, update, delete and index.",
            ));
        }
        if !checked.contains(&kind) {
            checked.push(kind);
        }
    }
    if checked.is_empty() {
        return Err(Error::policy_argument(
            "a policy needs a statement type",
            "Use select, insert, update and delete.",
        ));
    }
    Ok(checked)
}

fn found(count: u64, name: &str) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::policy_not_found(name))
}
