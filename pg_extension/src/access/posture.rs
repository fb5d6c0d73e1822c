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
            let condition = Condition::new(row.required(3), row.required(2));
            let names: (String, String) = (row.required(4), row.required(5));
            (row.required::<Oid>(1), condition, names)
        })
    });
    policies
        .into_iter()
        .filter(|(table, condition, _)| try_lock_for_reading(*table) && condition.compiled(*table).is_none())
        .map(|(_, _, (object, remedy))| Finding {
            severity: "medium".to_owned(),
            finding: "audit_condition_broken".to_owned(),
            object,
            detail: "its condition cannot be understood any more, and counts for every row".to_owned(),
            remedy,
        })
        .collect()
}
