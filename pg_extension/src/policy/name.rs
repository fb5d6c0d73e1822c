//! Tables and policy functions by name, as a package of Oracle's names them.

use super::group::{SYS_DEFAULT, checked_group};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, oid_arg, statements};
use crate::sys::{Oid, user};

statements! {
    RELATION = "policy/relation_named.sql";
    FUNCTION = "policy/function_named.sql";
    SCHEMA = "policy/function_schema.sql";
    OF_GROUP = "policy/group_is_used.sql";
}

/// The schema that unqualified names of the caller mean.
pub fn current_schema() -> Result<String> {
    user::current_schema().ok_or_else(|| {
        Error::policy_argument(
            "there is no current schema",
            "Name the schema, or set search_path.",
        )
    })
}

/// A relation of any kind that policies may be asked for.
pub fn table_named(schema: &str, name: &str) -> Result<Oid> {
    RELATION
        .with(|statement| statement.query_one(&[arg(schema), arg(name)], |row| row.get::<Oid>(1)))
        .flatten()
        .ok_or_else(|| {
            Error::not_found(
                "relation_not_found",
                format!("table \"{schema}.{name}\" does not exist"),
                "Names are folded to lower case unless double-quoted.",
            )
        })
}

/// A function that can serve as a policy function.
pub fn function_named(schema: &str, name: &str) -> Result<Oid> {
    if SCHEMA
        .with(|statement| statement.query(&[arg(schema)], |_| ()))
        .is_empty()
    {
        return Err(Error::policy_function_schema(schema));
    }
    FUNCTION
        .with(|statement| statement.query_one(&[arg(schema), arg(name)], |row| row.get::<Oid>(1)))
        .flatten()
        .ok_or_else(|| Error::policy_function_missing(schema, name))
}

/// An error unless the policy belongs to the group; SYS_DEFAULT when none is named.
pub fn require_in_group(table: Oid, group: Option<&str>, policy: &str) -> Result<()> {
    let group = checked_group(group.unwrap_or(SYS_DEFAULT))?;
    let policies = OF_GROUP.with(|statement| {
        statement.query(&[oid_arg(table), arg(group.as_str())], |row| row.get::<String>(1))
    });
    if policies.into_iter().flatten().any(|name| name == policy) {
        return Ok(());
    }
    Err(Error::policy_not_found(policy))
}
