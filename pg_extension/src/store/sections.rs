//! All sections, in the order in which they are written and imported: what comes later names what came before.

use super::section::Section;
use super::{
    application, audit_policy, delegation, grant, graph, hierarchy, identity, issuer, policy, segregation,
    task,
};

/// All of them, in order.
pub fn sections() -> impl Iterator<Item = &'static Section> + Clone {
    application::SECTIONS
        .iter()
        .chain(issuer::SECTIONS)
        .chain(identity::SOURCES_AND_UNITS)
        .chain(graph::NODES)
        .chain(identity::PEOPLE)
        .chain(delegation::DELEGATIONS_OF_USERS)
        .chain(grant::GRANTS_AND_MEMBERSHIPS)
        .chain(segregation::RULES_OF_DUTIES)
        .chain(task::SECTIONS)
        .chain(hierarchy::SECTIONS)
        .chain(policy::SECTIONS)
        .chain(audit_policy::SECTIONS)
        .chain(hierarchy::BINDINGS_OF_TABLES)
        .chain(segregation::TABLES)
}
