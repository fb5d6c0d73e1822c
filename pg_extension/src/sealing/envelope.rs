//! Sealing and opening, whoever asks.

use super::catalogue::{Key, keys};
use super::key::{close, open, tag};
use super::provisional::NOBODY;
use crate::error::{Error, Result};
use crate::sys::secret;
use std::rc::Rc;
use vpd_text::sealed::{Binding, Envelope, Form, Kind, Malformed, Passing, TAG_BYTES, passing_head};

/// A value in the form that its bytes have.
pub fn form(bytes: &[u8]) -> Result<Form<'_>> {
    Form::read(bytes).map_err(malformed)
}

/// Why bytes or a text are no envelope.
pub fn malformed(reason: Malformed) -> Error {
    match reason {
        Malformed::Later => Error::envelope_later(),
        Malformed::Broken => Error::envelope_broken(),
    }
}

/// Seals a value with a key, for a place; where the key asks for a person, about him, or about nobody until the transaction ends.
pub fn seal(kind: Kind, plain: &[u8], key: &Key, place: u32, person: Option<u64>) -> Result<Vec<u8>> {
    if key.is_destroyed {
        return Err(Error::key_destroyed(&key.name));
    }
    let tag = if key.is_searchable {
        Some(key.tag(normal(kind, plain))?)
    } else {
        None
    };
    let person = if key.is_per_person {
        Some(person.unwrap_or(NOBODY))
    } else {
        None
    };
    let binding = Binding {
        kind,
        key: key.number,
        version: key.version,
        place,
        person,
        tag,
    };
    key.pair(key.version, person)?.close(binding.head(), &[], plain)
}

/// Opens an envelope.
pub fn unseal(envelope: &Envelope<'_>) -> Result<Vec<u8>> {
    let binding = &envelope.binding;
    let key = key_of(envelope)?;
    if key.is_per_person != binding.person.is_some() {
        return Err(Error::envelope_broken());
    }
    let opened = key
        .pair(binding.version, binding.person)?
        .open(&[], &envelope.closed);
    match opened {
        // Of another transaction.
        Err(_) if binding.person == Some(NOBODY) => Err(Error::person_forgotten()),
        opened => opened,
    }
}

/// The key of an envelope.
pub fn key_of(envelope: &Envelope<'_>) -> Result<Rc<Key>> {
    keys()
        .numbered(envelope.binding.key)
        .map(Rc::clone)
        .ok_or_else(Error::envelope_broken)
}

/// A value on its way, which nobody has a key for yet.
pub fn pass(kind: Kind, plain: &[u8]) -> Result<Vec<u8>> {
    close(secret::passing()?.each_ref(), passing_head(kind), &[], plain)
}

/// What is on its way.
pub fn passed(passing: &Passing<'_>) -> Result<Vec<u8>> {
    open(secret::passing()?.each_ref(), &[], &passing.closed).map_err(|_| Error::passing_stale())
}

/// A tag that no key makes: equal for equal values, until the server stops.
pub fn blind(normal: &[u8]) -> Result<[u8; TAG_BYTES]> {
    let [_, authenticating] = secret::passing()?;
    Ok(tag(authenticating, normal))
}

/// The bytes by which values are equal: of numbers, without zeros at the end of a fraction.
pub fn normal(kind: Kind, plain: &[u8]) -> &[u8] {
    if kind != Kind::Numeric || !plain.contains(&b'.') {
        return plain;
    }
    let end = plain
        .iter()
        .rposition(|byte| *byte != b'0')
        .map_or(0, |last| last + 1);
    let bytes = plain.get(..end).unwrap_or_default();
    bytes.strip_suffix(b".").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::normal;
    use vpd_text::sealed::Kind;

    #[test]
    fn equal_numbers_have_one_form() {
        for (number, expected) in [
            ("1.50", "1.5"),
            ("1.00", "1"),
            ("100", "100"),
            ("0.0", "0"),
            ("NaN", "NaN"),
            ("-0.10", "-0.1"),
        ] {
            assert_eq!(normal(Kind::Numeric, number.as_bytes()), expected.as_bytes());
        }
        assert_eq!(normal(Kind::Text, b"1.50"), b"1.50");
    }
}
