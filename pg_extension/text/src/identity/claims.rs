//! What an identity token says, and what of it becomes the session.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Claims of an identity token whose checks have passed.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Subject: the user name.
    pub sub: String,
    /// Issued at.
    pub iat: Option<f64>,
    /// Authorized party.
    pub azp: Option<String>,
    /// Nonce of the login.
    pub nonce: Option<String>,
    /// When the provider authenticated the subject.
    pub auth_time: Option<f64>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Attributes, values or lists of values by name.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

impl Claims {
    /// Attributes of the session by namespace: the user's own as `app`, how the user logged in as `identity`.
    pub fn session_attributes(&self) -> Value {
        let mut identity = Map::from_iter([("issuer".to_owned(), json!(self.iss))]);
        if let Some(acr) = &self.acr {
            identity.insert("acr".to_owned(), json!(acr));
        }
        if !self.amr.is_empty() {
            identity.insert("amr".to_owned(), json!(self.amr));
        }
        json!({"app": self.attributes, "identity": identity})
    }
}
