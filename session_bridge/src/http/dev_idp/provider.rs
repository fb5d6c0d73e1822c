//! What the development provider knows.

use super::grant::Grants;
use super::signer::Signer;
use crate::config::{DevUser, Identity};

/// What the provider knows.
#[derive(Debug)]
pub struct DevProvider {
    pub settings: Identity,
    pub redirect_uris: Vec<String>,
    pub signer: Signer,
    pub grants: Grants,
}

impl DevProvider {
    /// The user of a name and password; the password of each is the name.
    pub fn user(&self, name: &str, password: &str) -> Option<&DevUser> {
        self.settings
            .dev_users
            .iter()
            .find(|user| user.name == name && user.name == password)
    }
}
