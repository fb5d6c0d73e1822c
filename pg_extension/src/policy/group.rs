//! Policy groups of a table and the driving contexts that choose among them.
//!
//! Every table has the group SYS_DEFAULT, which applies always. A driving context is an attribute of the session whose value names
//! another group to apply. Without a driving context, or where one has no value, the policies of every group apply: less is
//! shown, never more.

use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::spi::{Statement, oid_arg};

mod catalogue;

pub use catalogue::{add_driving_context, create_group, drop_driving_context, drop_group};

/// The group that applies always.
pub const SYS_DEFAULT: &str = "SYS_DEFAULT";
const MAX_NAME_BYTES: usize = 63;

thread_local! {
    static GROUPS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/groups_of_relation.sql")) };
}

/// An attribute of the session that names groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrivingContext {
    pub namespace: String,
    pub attribute: String,
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
