//! New tokens, from the server's source of random numbers; what a token is stands in `vpd_text::token`.

pub use vpd_text::token::{TokenKind, decode_challenge, hash, is_verifier, sha256};

use crate::error::{Error, Result};
use crate::sys::random;

/// A new token.
pub fn generate(kind: TokenKind) -> Result<String> {
    let bytes = random::bytes().ok_or_else(|| {
        Error::not_ready(
            "no random numbers are to be had",
            "Look at the server's source of entropy.",
        )
    })?;
    Ok(vpd_text::token::of_bytes(kind, &bytes))
}
