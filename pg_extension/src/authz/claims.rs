//! What the login of a session brought along, and how it is read in this environment.

use crate::guc;
use pgrx::Uuid;

const PREPRODUCTION: &str = "_PREPROD";

/// What a session is flattened from, beside its user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Roles as the identity provider names them.
    pub roles: Vec<String>,
    /// Privileges it names.
    pub privileges: Vec<String>,
    /// Groups it names.
    pub groups: Vec<String>,
    /// The one role the session runs with.
    pub assumed_role: Option<String>,
    /// The session of whoever acts for the user.
    pub actor_session: Option<Uuid>,
    /// Whether the session has all that the user has, and not only what both have.
    pub acts_fully: bool,
}

impl Claims {
    /// The claimed roles that count here: those with the suffix outside production, without it; the others in production.
    pub fn roles_here(&self) -> Vec<String> {
        roles_here(&self.roles)
    }
}

/// The roles of a list that count here, without the suffix.
pub fn roles_here(roles: &[String]) -> Vec<String> {
    roles_in(roles, guc::is_production())
}

fn roles_in(roles: &[String], is_production: bool) -> Vec<String> {
    let role_here = |role: &String| match (role.strip_suffix(PREPRODUCTION), is_production) {
        (None, true) => Some(role.clone()),
        (Some(stem), false) => Some(stem.to_owned()),
        _ => None,
    };
    roles.iter().filter_map(role_here).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_counts_outside_production_only() {
        let roles = ["BUYER".to_owned(), "ADMIN_PREPROD".to_owned()];
        assert_eq!(roles_in(&roles, true), ["BUYER"]);
        assert_eq!(roles_in(&roles, false), ["ADMIN"]);
    }
}
