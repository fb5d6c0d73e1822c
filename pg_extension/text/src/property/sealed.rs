//! Sealed values as bytes and as texts, and files of master keys.

use crate::sealed::{
    Closed, Form, Kind, MAX_KEYS, MAX_NAME_BYTES, PREFIX, TAG_BYTES, is_key_name, mask_form, passing_head,
    read_master_keys, read_text, tag_form, write_text,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Of any bytes at all: what is read is all of them, and is written back; and who reads texts agrees with who reads bytes.
pub fn hold(bytes: &[u8]) {
    form(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        envelope(text);
        master_keys(text);
        named(text);
    }
    // The same bytes as a text, so that both readers see them.
    let text = write_text(bytes);
    envelope(&text);
    let is_sealed = matches!(Form::read(bytes), Ok(Form::Sealed(_)));
    let read = read_text(&text).ok().flatten();
    assert_eq!(read.as_deref(), is_sealed.then_some(bytes));
}

/// A form is made of its parts, and of nothing besides.
fn form(bytes: &[u8]) {
    match Form::read(bytes) {
        Ok(Form::Sealed(envelope)) => {
            assert_eq!(whole(envelope.binding.head(), &envelope.closed), bytes);
        }
        Ok(Form::Passing(passing)) => {
            assert_eq!(whole(passing_head(passing.kind), &passing.closed), bytes);
        }
        Ok(Form::Mask(text)) => assert_eq!(mask_form(text), bytes),
        Ok(Form::Tag { key, tag }) => assert_eq!(tag_form(key, tag), bytes),
        Err(_) => (),
    }
    if let Some(closed) = Closed::read(bytes) {
        assert_eq!(whole(Vec::new(), &closed), bytes);
    }
    // Every mask and tag is read back, whatever it holds.
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(Form::read(&mask_form(&text)), Ok(Form::Mask(&text)));
    if let Some((tag, rest)) = bytes.split_first_chunk::<TAG_BYTES>() {
        let key = u32::try_from(rest.len()).unwrap_or_default();
        assert_eq!(Form::read(&tag_form(key, tag)), Ok(Form::Tag { key, tag }));
    }
}

/// What the MAC covers ends where it begins, and all of it is there again.
fn whole(head: Vec<u8>, closed: &Closed<'_>) -> Vec<u8> {
    let mut bytes = head;
    bytes.extend(closed.iv);
    bytes.extend(closed.ciphertext);
    assert_eq!(bytes, closed.covered);
    assert!(!closed.ciphertext.is_empty() && closed.ciphertext.len().is_multiple_of(16));
    bytes.extend(closed.mac);
    bytes
}

/// A text is an envelope if it has the prefix, and what follows is one in BASE64 and has no second spelling.
fn envelope(text: &str) {
    let encoded = text.strip_prefix(PREFIX);
    match read_text(text) {
        Ok(None) => assert!(encoded.is_none(), "it begins like an envelope"),
        Ok(Some(bytes)) => {
            assert!(
                matches!(Form::read(&bytes), Ok(Form::Sealed(envelope)) if Kind::ALL.contains(&envelope.binding.kind))
            );
            assert_eq!(write_text(&bytes), text, "two texts are one envelope");
        }
        Err(_) => {
            let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
            let is_sealed = bytes.is_some_and(|bytes| matches!(Form::read(&bytes), Ok(Form::Sealed(_))));
            assert!(encoded.is_some() && !is_sealed);
        }
    }
}

/// A second and simpler way: each line that is no comment is a name and 64 digits.
fn master_keys(text: &str) {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    match read_master_keys(text) {
        Ok(keys) => {
            assert!((1..=MAX_KEYS).contains(&keys.len()));
            assert_eq!(keys.len(), lines.len());
            for (number, (key, line)) in keys.iter().zip(lines).enumerate() {
                assert!((1..=MAX_NAME_BYTES).contains(&key.name.len()));
                assert!(keys[..number].iter().all(|other| other.name != key.name));
                let digits: String = key.key.iter().map(|byte| format!("{byte:02x}")).collect();
                let packed: String = line.split_whitespace().collect();
                assert_eq!(
                    packed.to_lowercase(),
                    format!("{}={digits}", key.name.to_lowercase())
                );
            }
        }
        Err(invalid) => {
            assert!(invalid.line <= text.lines().count());
            assert_eq!(invalid.line == 0, lines.is_empty(), "which line it is");
        }
    }
}

/// A name of a key needs no quotes in SQL.
fn named(text: &str) {
    let is_expected = (1..=63).contains(&text.len())
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'a'..=b'z' => true,
            b'0'..=b'9' | b'_' => at > 0,
            _ => false,
        });
    assert_eq!(is_key_name(text), is_expected);
}
