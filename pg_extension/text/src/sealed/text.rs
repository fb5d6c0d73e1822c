//! An envelope as text: how it leaves the server where no session is attached, and how it comes back in.

use super::form::{Form, Malformed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What an envelope begins with. No value that begins so can be sealed by its text.
pub const PREFIX: &str = "vpd:sealed:";

/// The text of an envelope.
#[must_use]
pub fn write(envelope: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(envelope))
}

/// The envelope that a text holds; `None` for a text that does not begin like one.
///
/// # Errors
/// It begins like one and is none.
pub fn read(text: &str) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(encoded) = text.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| Malformed::Broken)?;
    match Form::read(&bytes)? {
        Form::Sealed(_) => Ok(Some(bytes)),
        Form::Passing(_) | Form::Mask(_) | Form::Tag { .. } => Err(Malformed::Broken),
    }
}
