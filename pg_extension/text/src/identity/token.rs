//! What a token says about itself: read, and not believed.

use super::algorithm::asymmetric;
use super::members::read_object;
use super::{Algorithm, Key, Refusal};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest token, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
const MAX_KEY_ID: usize = 256;

/// A token in its compact form (RFC 7515, 7.1), taken apart.
#[derive(Debug, Clone)]
pub struct Token {
    /// Header and claims as they were signed.
    signed: String,
    signature: String,
    algorithm: Algorithm,
    key_id: String,
    kind: Option<String>,
    claims: Map<String, Value>,
}

impl Token {
    /// Takes a token apart. Whatever needs neither a key nor an issuer to be refused is refused.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(Refusal::Malformed);
        };
        if signature.is_empty() {
            // `none` has no signature; whatever the header says, nobody signed it.
            return Err(Refusal::Signature);
        }
        decoded(signature)?;
        let fields = read_object(&decoded(header)?)?;
        if fields.contains_key("crit") {
            return Err(Refusal::CriticalHeader);
        }
        let text_of = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::Malformed),
        };
        let algorithm = text_of("alg")?.ok_or(Refusal::Malformed)?;
        let algorithm = asymmetric(&algorithm).ok_or(Refusal::Algorithm)?;
        let key_id = text_of("kid")?
            .filter(|id| !id.is_empty() && id.len() <= MAX_KEY_ID)
            .ok_or(Refusal::KeyUnnamed)?;
        Ok(Self {
            kind: text_of("typ")?,
            claims: read_object(&decoded(claims)?)?,
            signed: format!("{header}.{claims}"),
            signature: signature.to_owned(),
            algorithm,
            key_id,
        })
    }

    /// One that nobody signed, for whoever has none and has to take as long as with one.
    #[must_use]
    pub fn decoy() -> Self {
        Self {
            signed: "e30.e30".to_owned(),
            signature: URL_SAFE_NO_PAD.encode([1; 64]),
            algorithm: Algorithm::ES256,
            key_id: "none".to_owned(),
            kind: None,
            claims: Map::new(),
        }
    }

    /// The algorithm that it says it is signed with; never one with a shared secret.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that it says signed it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What sort of token it says it is.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Who it says made it; an empty text when it does not say.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.claims.get("iss").and_then(Value::as_str).unwrap_or_default()
    }

    /// What makes it this token. Not of the signature: for one text there are many that verify, and whoever holds a token can make another of them.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.signed.as_bytes()).to_vec()
    }

    /// Whether a key signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &Key) -> bool {
        key.fits(self.algorithm) && key.verifies(&self.signature, self.signed.as_bytes(), self.algorithm)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str, signature: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{signature}", encode(header), encode(claims))
    }

    #[test]
    fn what_needs_no_key_is_refused_without_one() {
        let header = r#"{"alg":"ES256","kid":"k"}"#;
        assert!(Token::read(&token(header, "{}", "AAAA")).is_ok());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_LENGTH));
        for (header, claims, signature, refusal) in [
            (header, long.as_str(), "AAAA", Refusal::TooLong),
            (header, "{}", "", Refusal::Signature),
            (header, "{}", "AAA=", Refusal::Malformed),
            (header, "{}", "AAA*", Refusal::Malformed),
            // The last letter has bits that stand for nothing.
            (header, "{}", "AAB", Refusal::Malformed),
            (header, "[]", "AAAA", Refusal::Malformed),
            (header, "{} ", "AAAA.AAAA", Refusal::Malformed),
            (header, r#"{"a":1,"a":2}"#, "AAAA", Refusal::DuplicateMember),
            (
                r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#,
                "{}",
                "AAAA",
                Refusal::DuplicateMember,
            ),
            (r#"{"alg":"none","kid":"k"}"#, "{}", "AAAA", Refusal::Algorithm),
            (r#"{"alg":"NONE","kid":"k"}"#, "{}", "AAAA", Refusal::Algorithm),
            (r#"{"alg":"HS256","kid":"k"}"#, "{}", "AAAA", Refusal::Algorithm),
            (r#"{"alg":"es256","kid":"k"}"#, "{}", "AAAA", Refusal::Algorithm),
            (r#"{"alg":["ES256"],"kid":"k"}"#, "{}", "AAAA", Refusal::Malformed),
            (r#"{"kid":"k"}"#, "{}", "AAAA", Refusal::Malformed),
            (r#"{"alg":"ES256"}"#, "{}", "AAAA", Refusal::KeyUnnamed),
            (r#"{"alg":"ES256","kid":""}"#, "{}", "AAAA", Refusal::KeyUnnamed),
            (r#"{"alg":"ES256","kid":7}"#, "{}", "AAAA", Refusal::Malformed),
            (
                r#"{"alg":"ES256","kid":"k","typ":7}"#,
                "{}",
                "AAAA",
                Refusal::Malformed,
            ),
            (
                r#"{"alg":"ES256","kid":"k","crit":["b64"],"b64":false}"#,
                "{}",
                "AAAA",
                Refusal::CriticalHeader,
            ),
        ] {
            let read = Token::read(&token(header, claims, signature));
            assert_eq!(read.err(), Some(refusal), "{header} {signature}");
        }
        for bad in ["", "..", "a.b", "a.b.c.d.e"] {
            assert!(Token::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_signature_makes_no_other_token() {
        let header = r#"{"alg":"ES256","kid":"k"}"#;
        let of = |claims, signature| Token::read(&token(header, claims, signature)).unwrap().digest();
        assert_eq!(of("{}", "AAAA"), of("{}", "BBBB"));
        assert_ne!(of("{}", "AAAA"), of("{ }", "AAAA"));
    }
}
