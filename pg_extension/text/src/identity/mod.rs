//! Identity tokens, as far as no key is needed: what they say they are, and what their claims come to.

mod claims;
mod inspection;

pub use claims::Claims;
pub use inspection::{Algorithm, Header, LEEWAY_SECONDS, Refused, check, inspect};
