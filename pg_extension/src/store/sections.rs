//! All sections, in the order in which they are written and imported: what comes later names what came before.

use super::section::Section;
use super::{application, graph, hierarchy, identity, policy, segregation, task};

/// All of them, in order.
pub fn sections() -> impl Iterator<Item = &'static Section> + Clone {
    application::SECTIONS
        .iter()
        .chain(identity::SOURCES_AND_UNITS)
        .chain(graph::NODES)
        .chain(identity::USERS_AND_DELEGATIONS)
        .chain(graph::GRANTS_AND_MEMBERSHIPS)
        .chain(segregation::RULES_OF_DUTIES)
        .chain(task::SECTIONS)
        .chain(hierarchy::SECTIONS)
        .chain(policy::SECTIONS)
        .chain(hierarchy::BINDINGS_OF_TABLES)
        .chain(segregation::TABLES)
}
