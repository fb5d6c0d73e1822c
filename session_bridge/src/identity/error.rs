//! Why the identity provider gave no token.

/// Why the identity provider gave no token.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The provider refused the code.
    #[error("the identity provider refused the code: {0}")]
    CodeRefused(String),
    /// The provider cannot be reached, or answers nonsense.
    #[error("the identity provider is not available: {0}")]
    Unavailable(String),
}
