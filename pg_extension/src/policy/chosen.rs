//! The policy groups that the driving contexts of a session choose.

use super::cache::Relation;
use super::group::SYS_DEFAULT;
use crate::context;
use crate::error::{Error, Result};

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
