//! What a user has, had or will have, and by which way through the graph.

use super::claims::roles_here;
use crate::guc;
use crate::sys::spi::{Statement, arg};
use pgrx::datum::TimestampWithTimeZone;

thread_local! {
    static AT: Statement = const { Statement::scanning(include_str!("../../../sql/query/authz/entitlements.sql")) };
}

/// Something a user has.
pub struct Entitled {
    /// user, group, role, duty, privilege, entitlement, data_group, or node of a hierarchy.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The shortest way to it: `user:alice`, `role:Buyer`, ….
    pub path: Vec<String>,
    /// How many ways lead to it.
    pub paths: i64,
    /// From when that way holds.
    pub valid_from: Option<TimestampWithTimeZone>,
    /// Until when.
    pub valid_until: Option<TimestampWithTimeZone>,
}

impl Entitled {
    /// As a reference is written.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

/// Everything a user has at a moment, with the roles that a login would bring.
pub fn at(user: &str, claimed_roles: &[String], moment: TimestampWithTimeZone) -> Vec<Entitled> {
    AT.with(|statement| {
        statement.query(
            &[
                arg(user),
                arg(roles_here(claimed_roles)),
                arg(moment),
                arg(guc::is_production()),
            ],
            |row| {
                Some(Entitled {
                    kind: row.get(1)?,
                    name: row.get(2)?,
                    path: row.get(3)?,
                    paths: row.get(4)?,
                    valid_from: row.get(5),
                    valid_until: row.get(6),
                })
            },
        )
    })
    .into_iter()
    .flatten()
    .collect()
}
