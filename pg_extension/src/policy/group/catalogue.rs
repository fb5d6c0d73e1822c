//! Creating and dropping policy groups and driving contexts.

use super::{SYS_DEFAULT, checked_attribute, checked_group};
use crate::error::{Error, Result};
use crate::policy::family::{announce, lock_table};
use crate::sys::Oid;
use crate::sys::spi::{Statement, arg, oid_arg};

thread_local! {
    static INSERT: Statement = const { Statement::new(include_str!("../../../../sql/query/policy/group_insert.sql")) };
    static DELETE: Statement = const { Statement::new(include_str!("../../../../sql/query/policy/group_delete.sql")) };
    static IS_USED: Statement = const { Statement::new(include_str!("../../../../sql/query/policy/group_is_used.sql")) };
    static ADD_DRIVER: Statement = const { Statement::new(include_str!("../../../../sql/query/policy/driving_context_insert.sql")) };
    static DROP_DRIVER: Statement = const { Statement::new(include_str!("../../../../sql/query/policy/driving_context_delete.sql")) };
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
    let added =
        ADD_DRIVER.with(|statement| statement.execute(&[oid_arg(table), arg(namespace), arg(attribute)]));
    if added == 0 {
        return Err(Error::driving_context_exists(namespace, attribute));
    }
    announce(table);
    Ok(())
}

/// Drops a driving context.
pub fn drop_driving_context(table: Oid, namespace: &str, attribute: &str) -> Result<()> {
    lock_table(table)?;
    let dropped =
        DROP_DRIVER.with(|statement| statement.execute(&[oid_arg(table), arg(namespace), arg(attribute)]));
    if dropped == 0 {
        return Err(Error::driving_context_not_found(namespace, attribute));
    }
    announce(table);
    Ok(())
}
