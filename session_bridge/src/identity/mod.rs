//! How a person comes by an identity token: OpenID Connect with authorization code, PKCE, state and nonce.
//!
//! Not here: what a token says. Nothing in it is read; it goes to the database, which verifies it with keys that came another way. Invariant: what the
//! bridge believes of a provider is where to send people, and where to fetch a token.

mod client;
mod discovery;
mod error;
mod pkce;
mod provider;
mod resolver;

pub use client::Web;
pub use discovery::discover;
pub use error::IdentityError;
pub use pkce::{challenge_of, is_equal, random_token};
pub use provider::{LoginRequest, Provider};
