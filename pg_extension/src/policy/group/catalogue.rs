//! Creating and dropping policy groups and driving contexts.

use super::{SYS_DEFAULT, checked_attribute, checked_group};
use crate::context;
use crate::error::{Error, Result};
use crate::policy::family::{announce, lock_table};
use crate::sys::Oid;
use crate::sys::spi::{arg, oid_arg, statements};

statements! {
    INSERT = "policy/group_insert.sql";
    DELETE = "policy/group_delete.sql";
    IS_USED = "policy/group_is_used.sql";
    ADD_DRIVER = "policy/driving_context_insert.sql";
    DROP_DRIVER = "policy/driving_context_delete.sql";
    DRIVERS = "policy/driving_contexts.sql";
}

/// Creates a group.
pub fn create_group(table: Oid, name: &str) -> Result<()> {
    let name = checked_group(name)?;
    lock_table(table)?;
    let is_new = name != SYS_DEFAULT
        && INSERT.with(|statement| statement.execute(&[oid_arg(table), arg(name.as_str())])) > 0;
    if !is_new {
        return Err(Error::policy_group_exists(&name));
    }
    announce(table);
    Ok(())
}

/// Drops a group without policies.
pub fn drop_group(table: Oid, name: &str) -> Result<()> {
    let name = checked_group(name)?;
    lock_table(table)?;
    if name == SYS_DEFAULT {
        return Err(Error::system_policy_group());
    }
    let policies = IS_USED.with(|statement| statement.query(&[oid_arg(table), arg(name.as_str())], |_| ()));
    if !policies.is_empty() {
        return Err(Error::policy_group_used(&name));
    }
    if DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(name.as_str())])) == 0 {
        return Err(Error::policy_group_not_found(&name));
    }
    announce(table);
    Ok(())
}

/// Adds a driving context.
pub fn add_driving_context(table: Oid, namespace: &str, attribute: &str) -> Result<()> {
    checked_attribute(namespace, attribute)?;
    lock_table(table)?;
    if !present(table, namespace, attribute).is_empty() {
        return Err(Error::driving_context_exists(namespace, attribute));
    }
    let [namespace, attribute] = &context::plain_attribute(namespace, attribute);
    let added = ADD_DRIVER.with(|statement| {
        statement.execute(&[oid_arg(table), arg(namespace.as_str()), arg(attribute.as_str())])
    });
    if added == 0 {
        return Err(Error::driving_context_exists(namespace, attribute));
    }
    announce(table);
    Ok(())
}

/// Drops a driving context.
pub fn drop_driving_context(table: Oid, namespace: &str, attribute: &str) -> Result<()> {
    lock_table(table)?;
    let present = present(table, namespace, attribute);
    if present.is_empty() {
        return Err(Error::driving_context_not_found(namespace, attribute));
    }
    for [namespace, attribute] in present {
        DROP_DRIVER.with(|statement| statement.execute(&[oid_arg(table), arg(namespace), arg(attribute)]));
    }
    announce(table);
    Ok(())
}

/// A driving context of the table as it is kept: before its context was declared it may have been named in several ways.
fn present(table: Oid, namespace: &str, attribute: &str) -> Vec<[String; 2]> {
    let plain = context::plain_attribute(namespace, attribute);
    let drivers = DRIVERS.with(|statement| {
        statement.query(&[oid_arg(table)], |row| {
            [1, 2].map(|column| row.required::<String>(column))
        })
    });
    drivers
        .into_iter()
        .filter(|[namespace, attribute]| context::plain_attribute(namespace, attribute) == plain)
        .collect()
}
