//! Identity tokens: JSON Web Tokens (RFC 7519) that a provider signed, read with suspicion (RFC 8725).
//!
//! A token passes three stages, and each knows less than it seems: what it says about itself (`token`), whether a key signed it (`key`), and whether what it says
//! is wanted by those who trust its issuer (`issuer`, `acceptance`). No clock and no table is read here. Invariant: nothing of a token is used
//! before all three have passed, and which one failed is told to the record and never to whoever brought it.

mod acceptance;
mod algorithm;
mod assertion;
mod issuer;
mod key;
mod logout;
mod members;
mod path;
mod refusal;
mod signer;
mod token;

#[cfg(feature = "property")]
pub(crate) use acceptance::accept;
pub use acceptance::{Accepted, Circumstances, ProviderLogin, verify};
pub use assertion::{ASSERTION_TYPE, Assertion, MAX_ACTORS, MAX_LIFETIME, Travelled};
pub use issuer::{Attributes, Issuer, Kind, algorithms, required_claims};
pub use jsonwebtoken::Algorithm;
pub use key::{Key, MAX_KEYS, Offered, read_keys};
pub use logout::{Logout, verify_logout};
pub use path::Path;
pub use refusal::Refusal;
pub use signer::{Signer, is_token_text};
pub use token::{MAX_LENGTH, Token};
