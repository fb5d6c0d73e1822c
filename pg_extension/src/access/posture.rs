//! Conditions of audit policies that cannot be understood any more.

use super::condition::Condition;
use crate::policy::posture::Finding;
use crate::sys::Oid;
use crate::sys::relation::try_lock_for_reading;
use crate::sys::spi::statements;

statements! {
    CONDITIONS = "access/conditions.sql";
}

/// A finding for each.
pub fn findings() -> Vec<Finding> {
    let policies = CONDITIONS.with(|statement| {
        statement.query(&[], |row| {
            let condition = Condition::new(row.required(5), row.required(3));
            (
                row.required::<Oid>(1),
                row.required::<String>(2),
                row.required::<String>(4),
                condition,
            )
        })
    });
    policies
        .into_iter()
        .filter(|(table, _, _, condition)| {
            try_lock_for_reading(*table) && condition.compiled(*table).is_none()
        })
        .map(|(_, table, policy, _)| Finding {
            severity: "medium".to_owned(),
            finding: "audit_condition_broken".to_owned(),
            object: format!("{policy} on {table}"),
            detail: "its condition cannot be understood any more, and counts for every row".to_owned(),
            remedy: format!(
                "SELECT vpd.drop_audit_policy('{}', '{}')",
                table.replace('\'', "''"),
                policy.replace('\'', "''")
            ),
        })
        .collect()
}
