//! Tokens: 256 random bits with a prefix that says what it is. Only the SHA-256 of a token is ever stored.

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of 32 bytes in BASE64URL without padding.
const ENCODED_LENGTH: usize = 43;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Opens a session.
    Session,
    /// Hands a session over, once.
    Ticket,
    /// Names a recorded cross-domain message, once.
    Message,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            TokenKind::Session => "vs_",
            TokenKind::Ticket => "vt_",
            TokenKind::Message => "vm_",
        }
    }
}

/// A token of random bytes.
pub fn of_bytes(kind: TokenKind, bytes: &[u8; 32]) -> String {
    format!("{}{}", kind.prefix(), encode(bytes))
}

/// The hash a token is stored under; `None` when the text cannot be a token of this kind.
pub fn hash(kind: TokenKind, token: &str) -> Option<Vec<u8>> {
    let body = token.strip_prefix(kind.prefix())?;
    let is_well_formed = body.len() == ENCODED_LENGTH && body.bytes().all(|byte| ALPHABET.contains(&byte));
    is_well_formed.then(|| sha256(token.as_bytes()))
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// The 32 bytes of an S256 challenge (RFC 7636, 4.2); `None` when it is not BASE64URL of 32 bytes.
pub fn decode_challenge(challenge: &str) -> Option<Vec<u8>> {
    if challenge.len() != ENCODED_LENGTH {
        return None;
    }
    let mut bytes = Vec::with_capacity(33);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for character in challenge.bytes() {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        buffer = (buffer << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(((buffer >> bits) & 0xff) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    (bytes.len() == 32 && buffer == 0).then_some(bytes)
}

/// True for a verifier of RFC 7636, 4.1: 43 to 128 unreserved characters.
pub fn is_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(ENCODED_LENGTH);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * index)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_of_rfc_7636_appendix_b_matches_its_verifier() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_verifier(verifier));
        assert_eq!(decode_challenge(challenge), Some(sha256(verifier.as_bytes())));
        assert_eq!(encode(&sha256(verifier.as_bytes())), challenge);
    }

    #[test]
    fn malformed_challenges_are_refused() {
        for challenge in [
            "",
            "short",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=",
            &"a".repeat(44),
            &"_".repeat(43),
        ] {
            assert_eq!(decode_challenge(challenge), None, "{challenge}");
        }
    }

    #[test]
    fn hash_accepts_only_its_own_kind() {
        let token = of_bytes(TokenKind::Session, &[7; 32]);
        assert!(hash(TokenKind::Session, &token).is_some());
        assert!(hash(TokenKind::Ticket, &token).is_none());
        assert!(hash(TokenKind::Session, "vs_'; DROP TABLE x; --").is_none());
        assert!(hash(TokenKind::Session, &format!("{token} ")).is_none());
    }

    #[test]
    fn different_bytes_encode_differently() {
        assert_eq!(encode(&[0; 32]).len(), ENCODED_LENGTH);
        assert_ne!(encode(&[0; 32]), encode(&[1; 32]));
    }
}
