//! Who takes part in what a session does.

use crate::context::{self, Identity};
use crate::error::{Error, Result};
use std::rc::Rc;

/// Everybody who takes part: the user, who acts for him, for whom he acts, and the audit identity, so that a service which writes in somebody's
/// name does not do what he may not do.
pub fn persons(identity: &Identity) -> Vec<String> {
    let mut persons: Vec<String> = identity.persons().map(str::to_owned).collect();
    persons.push(identity.audit_identity.clone());
    persons.sort_unstable();
    persons.dedup();
    persons
}

/// The attached session, if it has a privilege now.
pub fn require_privilege(privilege: &str) -> Result<Rc<Identity>> {
    let identity = context::require_authenticated()?;
    if identity.authority.privileges.contains(privilege) {
        return Ok(identity);
    }
    Err(Error::action_denied(privilege))
}
