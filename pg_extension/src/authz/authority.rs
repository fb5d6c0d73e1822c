//! What a session may do, flattened from the graph once: sets in memory, so that a check reads no table.

use crate::sys::clock::Timestamp;
use std::collections::HashSet;
use std::rc::Rc;

/// Roles, privileges and data groups of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Version of the graph it was flattened from.
    pub version: i64,
    /// When the first of the grants it rests on, or would rest on, begins or ends.
    pub valid_until: Timestamp,
    /// Names of roles.
    pub roles: HashSet<String>,
    /// Names of privileges.
    pub privileges: HashSet<String>,
    /// Sets of data groups, by their ids: what is filtered must lie in every set. Further sets belong to whoever acts for the user.
    pub data_groups: Vec<Rc<[i32]>>,
    /// Users whose manager the user is.
    pub reports: HashSet<String>,
}

impl Authority {
    /// Some roles, nothing else.
    pub fn of_roles(roles: impl IntoIterator<Item = String>) -> Self {
        Self {
            version: 0,
            valid_until: Timestamp(i64::MAX),
            roles: roles.into_iter().collect(),
            privileges: HashSet::new(),
            data_groups: vec![Rc::from([])],
            reports: HashSet::new(),
        }
    }
}
