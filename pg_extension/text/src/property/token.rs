//! Tokens and challenges.

use crate::token::{TokenKind, decode_challenge, hash, is_verifier, of_bytes, sha256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const KINDS: [(TokenKind, &str); 3] = [
    (TokenKind::Session, "vs_"),
    (TokenKind::Ticket, "vt_"),
    (TokenKind::Message, "vm_"),
];

/// Of any bytes at all: what is accepted, and that it agrees with BASE64URL as others read it.
pub fn hold(bytes: &[u8]) {
    if let Some(random) = bytes.first_chunk::<32>() {
        made(random);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    accepted(text);
    let expected = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| bytes.len() == 32);
    assert_eq!(decode_challenge(text), expected);
    if let Some(challenge) = expected {
        assert_eq!(
            URL_SAFE_NO_PAD.encode(challenge),
            text,
            "two texts are one challenge"
        );
    }
    let is_unreserved = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
    let is_long_enough = (43..=128).contains(&text.chars().count());
    assert_eq!(
        is_verifier(text),
        is_long_enough && text.chars().all(is_unreserved)
    );
}

/// A token is one of its own kind, and nothing of another.
fn made(random: &[u8; 32]) {
    for (kind, prefix) in KINDS {
        let token = of_bytes(kind, random);
        let body = token.strip_prefix(prefix).unwrap_or_default();
        assert_eq!(body, URL_SAFE_NO_PAD.encode(random));
        assert_eq!(decode_challenge(body).as_deref(), Some(random.as_slice()));
        accepted(&token);
        assert!(hash(kind, &token).is_some());
    }
}

/// A kind accepts what has its prefix and 43 letters, and keeps the hash of the whole.
fn accepted(text: &str) {
    for (kind, prefix) in KINDS {
        let is_expected = text.strip_prefix(prefix).is_some_and(|body| {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            body.len() == 43 && body.chars().all(is_letter)
        });
        assert_eq!(hash(kind, text), is_expected.then(|| sha256(text.as_bytes())));
    }
}
