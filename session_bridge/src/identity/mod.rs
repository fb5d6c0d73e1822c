//! Who a person is: OpenID Connect with authorization code, PKCE, state and nonce.
//!
//! Not here: what the person may do (roles and attributes are handed to the database as claims). Invariant: no claim is used
//! before signature, algorithm, issuer, audience, times and, in a browser login, the nonce were checked.

mod error;
mod keys;
mod pkce;
mod provider;
mod resolver;
mod verify;

pub use error::IdentityError;
pub use pkce::{challenge_of, is_equal, random_token};
pub use provider::{LoginRequest, Provider};
pub use vpd_text::identity::Claims;
