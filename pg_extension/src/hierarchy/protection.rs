//! Tables that are filtered by hierarchies: an ordinary policy, and a row that tells of it.

use super::definition::subject;
use super::require;
use crate::authz::change;
use crate::error::{Error, Result};
use crate::policy::{self, Definition};
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, relation};
use serde_json::json;

thread_local! {
    static PREDICATE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/predicate.sql")) };
    static HAS_POLICY: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/has_policy.sql")) };
    static REGISTER: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/register.sql")) };
}

/// Name of the policy.
const POLICY: &str = "by_hierarchy";

/// Adds the policy, or changes it; every pair of hierarchy and column must match.
pub fn protect(table: Oid, pairs: Vec<(String, String)>) -> Result<()> {
    change::begin();
    for (hierarchy, _) in &pairs {
        require(hierarchy)?;
    }
    let (hierarchies, columns): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    let (predicate, missing, unsupported) = PREDICATE
        .with(|statement| {
            statement.query_one(
                &[oid_arg(table), arg(hierarchies.clone()), arg(columns.clone())],
                |row| (row.get::<String>(1), row.get::<String>(2), row.get::<String>(3)),
            )
        })
        .unwrap_or_default();
    if missing.is_some() {
        return Err(Error::column_missing());
    }
    if let Some(column) = unsupported {
        return Err(Error::key_type(&format!("column \"{column}\"")));
    }
    let definition = Definition {
        predicate,
        ..Definition::default()
    };
    let is_ours = HAS_POLICY.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(POLICY)], |row| {
            row.get::<bool>(1).unwrap_or(false)
        })
    });
    match is_ours {
        None => policy::add(table, POLICY, &definition)?,
        Some(true) => policy::alter(table, POLICY, &definition)?,
        Some(false) => return Err(Error::policy_exists(POLICY)),
    }
    REGISTER.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(POLICY),
            arg(hierarchies.clone()),
            arg(columns.clone()),
        ])
    });
    for (hierarchy, column) in hierarchies.iter().zip(&columns) {
        change::record(
            "protect",
            &subject(hierarchy),
            json!({ "relation": relation::name(table), "column": column }),
        );
    }
    Ok(())
}
