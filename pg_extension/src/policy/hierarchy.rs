//! Tables that are filtered by hierarchies: an ordinary policy, and a row that tells of it.

use super::catalogue::{self, Definition};
use crate::authz::change;
use crate::error::{Error, Result};
use crate::hierarchy::{require, subject};
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, relation};
use serde_json::json;

thread_local! {
    static PREDICATE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/predicate.sql")) };
    static HAS_POLICY: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/has_policy.sql")) };
    static REGISTER: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/register.sql")) };
}

/// Name of the policy.
pub const POLICY: &str = "by_hierarchy";
const COMMANDS: [&str; 4] = ["select", "insert", "update", "delete"];

/// What the predicate says, the first column that is missing, and the first that holds no keys.
type Filter = (Option<String>, Option<String>, Option<String>);

/// Adds the policy, or gives it again all that it is made with; every pair of hierarchy and column must match.
pub fn protect(table: Oid, pairs: Vec<(String, String)>) -> Result<()> {
    change::begin();
    for (hierarchy, _) in &pairs {
        require(hierarchy)?;
    }
    let (hierarchies, columns): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    let (predicate, missing, unsupported) = filter(table, &hierarchies, &columns);
    if missing.is_some() {
        return Err(Error::column_missing());
    }
    if let Some(column) = unsupported {
        return Err(Error::key_type(&format!("column \"{column}\"")));
    }
    // Nothing is left as somebody altered it: a policy that was disabled, or made to hold for some commands only, would filter less than it says.
    let definition = Definition {
        predicate,
        kind: Some("shared_static".to_owned()),
        statement_types: Some(COMMANDS.map(str::to_owned).to_vec()),
        update_check: Some(true),
        enabled: Some(true),
        relevant_columns: Some(Vec::new()),
        is_masking: Some(false),
        ..Definition::default()
    };
    let present = HAS_POLICY.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(POLICY)], |row| {
            (
                row.required::<bool>(1),
                row.get::<Vec<String>>(2).unwrap_or_default(),
            )
        })
    });
    match present {
        None => catalogue::add(table, POLICY, &definition)?,
        Some((true, associations)) => {
            catalogue::alter(table, POLICY, &definition)?;
            for (namespace, attribute) in associations
                .iter()
                .filter_map(|association| association.split_once('.'))
            {
                catalogue::associate(table, POLICY, namespace, attribute, false)?;
            }
        }
        Some((false, _)) => return Err(Error::policy_exists(POLICY)),
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

/// The predicate that a filter by pairs of hierarchy and column has, as long as nobody altered it.
pub fn predicate(pairs: Vec<(String, String)>) -> Option<String> {
    let (hierarchies, columns): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    filter(Oid::INVALID, &hierarchies, &columns).0
}

fn filter(table: Oid, hierarchies: &[String], columns: &[String]) -> Filter {
    PREDICATE
        .with(|statement| {
            statement.query_one(
                &[oid_arg(table), arg(hierarchies.to_vec()), arg(columns.to_vec())],
                |row| (row.get::<String>(1), row.get::<String>(2), row.get::<String>(3)),
            )
        })
        .unwrap_or_default()
}
