//! Why somebody could not be identified.

use vpd_text::identity::Refused;

/// Why somebody could not be identified.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The token is no proof. The reason is for the log, not for the client.
    #[error("identity token refused: {0}")]
    Refused(&'static str),
    /// The provider refused the code.
    #[error("the identity provider refused the code: {0}")]
    CodeRefused(String),
    /// The provider cannot be reached, or answers nonsense.
    #[error("the identity provider is not available: {0}")]
    Unavailable(String),
}

impl From<Refused> for IdentityError {
    fn from(Refused(reason): Refused) -> Self {
        Self::Refused(reason)
    }
}
