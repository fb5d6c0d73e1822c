//! Policy groups of a table and the driving contexts that choose among them.
//!
//! Every table has the group SYS_DEFAULT, which applies always. A driving context is an attribute of the session whose value names
//! another group to apply. Without a driving context, or where one has no value, the policies of every group apply: less is
//! shown, never more.

use super::cache::Relation;
use super::catalogue::{announce, lock_table};
use crate::context;
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::spi::{Statement, arg, oid_arg};

/// The group that applies always.
pub const SYS_DEFAULT: &str = "SYS_DEFAULT";
const MAX_NAME_BYTES: usize = 63;

thread_local! {
    static GROUPS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/groups_of_relation.sql")) };
    static INSERT: Statement = const { Statement::new(include_str!("../../../sql/query/policy/group_insert.sql")) };
    static DELETE: Statement = const { Statement::new(include_str!("../../../sql/query/policy/group_delete.sql")) };
    static IS_USED: Statement = const { Statement::new(include_str!("../../../sql/query/policy/group_is_used.sql")) };
    static ADD_DRIVER: Statement = const { Statement::new(include_str!("../../../sql/query/policy/driving_context_insert.sql")) };
    static DROP_DRIVER: Statement = const { Statement::new(include_str!("../../../sql/query/policy/driving_context_delete.sql")) };
}

/// An attribute of the session that names groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrivingContext {
    pub namespace: String,
    pub attribute: String,
}

/// The groups that apply beside SYS_DEFAULT.
pub enum Chosen {
    /// All of the table's.
    Every,
    /// Those that the driving contexts name.
    Named(Vec<String>),
}

impl Chosen {
    /// The groups that the attached session's driving contexts choose for a table.
    pub fn now(relation: &Relation) -> Result<Self> {
        if relation.drivers.is_empty() {
            return Ok(Self::Every);
        }
        let mut named = Vec::new();
        for driver in &relation.drivers {
            match context::attribute(&driver.namespace, &driver.attribute).filter(|value| !value.is_empty()) {
                None => return Ok(Self::Every),
                Some(value) => named.push(value.to_uppercase()),
            }
        }
        let is_known = |name: &String| name == SYS_DEFAULT || relation.groups.contains(name);
        if named.iter().all(is_known) {
            Ok(Self::Named(named))
        } else {
            Err(Error::policy_group_invalid(&relation.name))
        }
    }

    /// Whether policies of a group apply.
    pub fn includes(&self, group: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Named(named) => group == SYS_DEFAULT || named.iter().any(|name| name == group),
        }
    }
}

/// The name as it is kept: upper case, as the values of driving contexts name it in any case.
pub fn checked_group(name: &str) -> Result<String> {
    let name = name.trim().to_uppercase();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Error::policy_argument(
            "the name of the policy group is not usable",
            "Use 1 to 63 bytes without control characters.",
        ));
    }
    Ok(name)
}

/// An error unless the table has the group.
pub fn require_group(table: Oid, group: &str) -> Result<()> {
    if group == SYS_DEFAULT || groups(table).iter().any(|known| known == group) {
        return Ok(());
    }
    Err(Error::policy_group_not_found(group))
}

/// The groups of a table, without SYS_DEFAULT.
pub fn groups(table: Oid) -> Vec<String> {
    GROUPS
        .with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<String>(1)))
        .into_iter()
        .flatten()
        .collect()
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

/// An error unless the names can be those of an attribute of the session.
pub fn checked_attribute(namespace: &str, attribute: &str) -> Result<()> {
    let is_good = |name: &str| !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control);
    if is_good(namespace) && is_good(attribute) {
        return Ok(());
    }
    Err(Error::policy_argument(
        "the namespace or the attribute is not usable",
        "Use 1 to 128 bytes without control characters for each.",
    ))
}
