//! The private half of a key: Ed25519 (RFC 8032), which makes signatures that `key` verifies.
//!
//! Where its 256 random bits come from and where they are kept is for others. Invariant: whatever is signed as a token was put together here, and what is signed
//! otherwise can never pass for one (`is_token_text`).

use super::{Algorithm, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

/// What stands before the seed in PKCS #8 (RFC 8410, 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A key that signs.
pub struct Signer {
    key: EncodingKey,
    public: Key,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// The key that comes from 256 random bits; `None` when the cryptography fails.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let key = EncodingKey::from_ed_der(&[&PKCS8[..], seed].concat());
        let AlgorithmParameters::OctetKeyPair(pair) =
            Jwk::from_encoding_key(&key, Algorithm::EdDSA).ok()?.algorithm
        else {
            return None;
        };
        let document =
            |id: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": pair.x, "alg": "EdDSA", "kid": id});
        let id = Key::read(&document("unnamed"))?.thumbprint();
        Some(Self {
            public: Key::read(&document(&id))?,
            key,
        })
    }

    /// The public half; its identifier is its thumbprint (RFC 7638).
    #[must_use]
    pub fn public(&self) -> &Key {
        &self.public
    }

    /// The signature of bytes; `None` when they could pass for a token, or the cryptography fails.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if is_token_text(bytes) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(self.signature(bytes)?).ok()
    }

    /// A token of a type that says these claims, in its compact form (RFC 7515, 7.1).
    #[must_use]
    pub fn token(&self, kind: &str, claims: &Value) -> Option<String> {
        let header = json!({"alg": "EdDSA", "kid": self.public.id(), "typ": kind});
        let part = |document: &Value| URL_SAFE_NO_PAD.encode(document.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.signature(signed.as_bytes())?;
        Some(format!("{signed}.{signature}"))
    }

    fn signature(&self, bytes: &[u8]) -> Option<String> {
        crypto::sign(bytes, &self.key, Algorithm::EdDSA).ok()
    }
}

/// Whether bytes could be what the signature of a token is over: two parts of base64url and a dot between them (RFC 7515, 5.1).
#[must_use]
pub fn is_token_text(bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    bytes.iter().filter(|byte| **byte == b'.').count() == 1
        && bytes.iter().all(|byte| *byte == b'.' || is_letter(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Token;

    #[test]
    fn a_key_is_that_of_the_standard() {
        // RFC 8037, appendix A: key, thumbprint, and the signature of a text that is none of a token.
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let signer = Signer::from_seed(&seed.try_into().unwrap()).unwrap();
        let public = signer.public();
        assert_eq!(
            public.document()["x"],
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(public.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(public.id(), public.thumbprint());
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            signer.signature(signed.as_bytes()).unwrap(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert_eq!(signer.sign(signed.as_bytes()), None);
        assert!(!format!("{signer:?}").contains("nWGx"));
    }

    #[test]
    fn a_token_is_signed_by_its_key_and_no_other() {
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let token = Token::read(&signer.token("a+jwt", &json!({"sub": "alice"})).unwrap()).unwrap();
        assert_eq!(
            (token.kind(), token.key_id()),
            (Some("a+jwt"), signer.public().id())
        );
        assert!(token.is_signed_by(signer.public()));
        let other = Signer::from_seed(&[8; 32]).unwrap();
        assert!(!token.is_signed_by(other.public()));
    }

    #[test]
    fn what_could_pass_for_a_token_is_known() {
        for (text, is_one) in [
            ("e30.e30", true),
            (".", true),
            ("a.", true),
            ("", false),
            ("abc", false),
            ("a.b.c", false),
            ("{\"a\":1.5}", false),
            ("a.b\n", false),
            ("a.b=", false),
        ] {
            assert_eq!(is_token_text(text.as_bytes()), is_one, "{text}");
        }
    }
}
