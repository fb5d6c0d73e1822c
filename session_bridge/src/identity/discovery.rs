//! What a provider publishes of itself (OpenID Connect Discovery 1.0).
//!
//! Invariant: a document counts for the issuer that it names, and only when that is the one that was asked.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Web;
use super::error::IdentityError;

/// Asks an issuer for its discovery document, and reads what the caller needs of it.
pub async fn discover<T: DeserializeOwned>(web: &Web, issuer: &str) -> Result<T, IdentityError> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let document: Value = web.get(&url).await?;
    if document["issuer"] != issuer {
        return Err(IdentityError::Unavailable(
            "its discovery document names another issuer".to_owned(),
        ));
    }
    serde_json::from_value(document).map_err(|error| {
        IdentityError::Unavailable(format!("its discovery document is not complete: {error}"))
    })
}
