//! Values that no column holds, and values as texts.

use super::catalogue::{Key, keys};
use super::envelope::{form, key_of, passed, seal, unseal};
use super::unsealed;
use super::visibility::require_open;
use crate::error::{Error, Result};
use vpd_text::sealed::{Envelope, Form, Kind};

/// Seals a text with a key, for no column; for who may unseal.
pub fn seal_text(value: &str, key: &str) -> Result<Vec<u8>> {
    let keys = keys();
    let key = keys.named(key)?;
    require_open(key)?;
    if key.is_per_person {
        return Err(Error::argument(
            "a key per person seals columns only",
            "Use a key that is not per person for what no column holds.",
        ));
    }
    seal(Kind::Text, value.as_bytes(), key, 0, None)
}

/// The value as text, for who may see it; `None` for what was sealed about somebody who was forgotten.
pub fn open_for_session(bytes: &[u8]) -> Result<Option<String>> {
    match form(bytes)? {
        Form::Sealed(envelope) => {
            let key = key_of(&envelope)?;
            require_open(&key)?;
            open_noted(&key, &envelope)
        }
        Form::Passing(passing) => as_text(passing.kind, passed(&passing)?).map(Some),
        Form::Mask(_) => Err(Error::unseal_masked()),
        Form::Tag { .. } => Err(Error::envelope_broken()),
    }
}

/// The same for the command that opens its column and has this permit.
pub fn opened_in_column(bytes: &[u8], permit: &str) -> Result<Option<String>> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Err(Error::envelope_broken());
    };
    let key = key_of(&envelope)?;
    if unsealed::is_opening(envelope.binding.place, permit) {
        open_noted(&key, &envelope)
    } else {
        Err(Error::unseal_refused(&key.name))
    }
}

fn open_noted(key: &Key, envelope: &Envelope<'_>) -> Result<Option<String>> {
    match unseal(envelope) {
        Err(error) if error.code() == "person_forgotten" => Ok(None),
        opened => {
            let plain = opened?;
            unsealed::note(key, envelope.binding.place);
            as_text(envelope.binding.kind, plain).map(Some)
        }
    }
}

fn as_text(kind: Kind, plain: Vec<u8>) -> Result<String> {
    String::from_utf8(text_of(kind, plain)).map_err(|_| Error::envelope_broken())
}

/// The text of a value, as clients get it: bytes as hexadecimal digits, everything else as it was sealed.
pub fn text_of(kind: Kind, plain: Vec<u8>) -> Vec<u8> {
    if kind != Kind::Bytea {
        return plain;
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = b"\\x".to_vec();
    for byte in plain {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}
