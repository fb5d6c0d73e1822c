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
    /// Sets of data groups, by their ids: what is filtered must lie in every set. Further sets belong to the user of a session with one role, and to
    /// whoever acts for him.
    pub data_groups: Vec<Rc<[i32]>>,
    /// Users whose manager the user is.
    pub reports: HashSet<String>,
    /// Groups the user is a member of.
    pub groups: HashSet<String>,
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
            groups: HashSet::new(),
        }
    }

    /// What both have, no longer than both hold; every set of data groups of both counts.
    pub fn intersected(mut self, other: &Self) -> Self {
        self.roles.retain(|name| other.roles.contains(name));
        self.privileges.retain(|name| other.privileges.contains(name));
        self.reports.retain(|name| other.reports.contains(name));
        self.groups.retain(|name| other.groups.contains(name));
        self.filtered_as(other).until(other.valid_until)
    }

    /// Whatever filters the rows of the other filters these too.
    pub fn filtered_as(mut self, other: &Self) -> Self {
        self.data_groups.extend(other.data_groups.iter().cloned());
        self
    }

    /// Adds the roles and privileges of another.
    pub fn extend(&mut self, other: &Self) {
        self.roles.extend(other.roles.iter().cloned());
        self.privileges.extend(other.privileges.iter().cloned());
    }

    /// No longer than until then.
    pub fn until(mut self, moment: Timestamp) -> Self {
        self.valid_until = self.valid_until.min(moment);
        self
    }

    /// As flattened from a version of the graph.
    pub fn of_version(self, version: i64) -> Self {
        Self { version, ..self }
    }

    /// True when both give the same, whenever they were flattened.
    pub fn gives_same(&self, other: &Self) -> bool {
        self.roles == other.roles
            && self.privileges == other.privileges
            && self.data_groups == other.data_groups
            && self.reports == other.reports
            && self.groups == other.groups
    }
}
