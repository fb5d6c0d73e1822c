//! Public keys of an issuer: JSON Web Keys (RFC 7517).

use super::algorithm::asymmetric;
use super::{Algorithm, Refusal};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Most keys that an issuer has at a time.
pub const MAX_KEYS: usize = 100;
const MAX_KEY_ID: usize = 256;
/// RSA, in bits: less is broken, more takes long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Members of keys that are no secret to nobody.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key.
#[derive(Clone)]
pub struct Key {
    id: String,
    form: Form,
    /// The one algorithm that it is for.
    algorithm: Option<Algorithm>,
    decoding: DecodingKey,
}

/// What stands in a set of keys.
#[derive(Debug, Clone)]
pub enum Offered {
    /// A key that verifies signatures.
    Key(Key),
    /// One for something else, by its identifier, with why (RFC 7517, 5: such keys are passed over).
    Skipped(String, &'static str),
}

/// The members that make a key this key, in the order of RFC 7638.
#[derive(Clone, PartialEq, Eq)]
enum Form {
    Rsa {
        e: String,
        n: String,
    },
    Ec {
        curve: &'static str,
        x: String,
        y: String,
    },
    Ed25519 {
        x: String,
    },
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Key")
            .field("id", &self.id)
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

/// The y of points of Curve25519 whose multiples are few, as they may be written, the sign of x left away. A signature of such a key says nothing (RFC 8032, 8.9; the list of
/// libsodium).
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    first(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_the_prime(0xec),
    near_the_prime(0xed),
    near_the_prime(0xee),
];

const fn first(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

const fn near_the_prime(byte: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = byte;
    bytes[31] = 0x7f;
    bytes
}

fn is_of_small_order(mut point: [u8; 32]) -> bool {
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

/// Reads a set of keys. The reason of a refusal is for whoever hands it in.
pub fn read_keys(document: &Value) -> Result<Vec<Offered>, String> {
    let keys = document
        .get("keys")
        .and_then(Value::as_array)
        .ok_or("this is no set of keys: it has no list \"keys\"")?;
    if keys.len() > MAX_KEYS {
        return Err(format!(
            "the set has {} keys, and at most {MAX_KEYS} are read",
            keys.len()
        ));
    }
    let mut ids = HashSet::new();
    let mut offered = Vec::with_capacity(keys.len());
    for (number, key) in keys.iter().enumerate() {
        let place = format!("key {}", number + 1);
        let members = key.as_object().ok_or_else(|| format!("{place} is no object"))?;
        let one = Key::offered(members).map_err(|reason| format!("{place} {reason}"))?;
        if let Offered::Key(key) = &one
            && !ids.insert(key.id.clone())
        {
            return Err(format!("{place} has the identifier of another"));
        }
        offered.push(one);
    }
    if ids.is_empty() {
        return Err("the set has no key that verifies signatures".to_owned());
    }
    Ok(offered)
}

impl Key {
    /// Reads a key that was stored.
    #[must_use]
    pub fn read(document: &Value) -> Option<Self> {
        match Self::offered(document.as_object()?) {
            Ok(Offered::Key(key)) => Some(key),
            _ => None,
        }
    }

    fn offered(members: &Map<String, Value>) -> Result<Offered, String> {
        let text = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("has a member \"{name}\" that is no text")),
        };
        let id = text("kid")?.unwrap_or_default();
        if let Some(secret) = PRIVATE.iter().find(|name| members.contains_key(**name)) {
            return Err(format!(
                "has the member \"{secret}\", which is secret: hand in public keys only"
            ));
        }
        let skipped = |why| Ok(Offered::Skipped(id.to_owned(), why));
        let kind = text("kty")?.ok_or("does not say its type")?;
        if kind == "oct" {
            return Err("is a shared secret: hand in public keys only".to_owned());
        }
        if text("use")?.is_some_and(|usage| usage != "sig") {
            return skipped("not for signatures");
        }
        if let Some(operations) = members.get("key_ops").and_then(Value::as_array)
            && !operations.iter().any(|operation| operation == "verify")
        {
            return skipped("not for signatures");
        }
        let named = text("alg")?;
        let algorithm = named.and_then(asymmetric);
        if named.is_some() && algorithm.is_none() {
            return skipped("for another algorithm");
        }
        let member = |name: &str| {
            text(name)?
                .map(str::to_owned)
                .ok_or_else(|| format!("lacks the member \"{name}\""))
        };
        let form = match (kind, text("crv")?) {
            ("RSA", _) => Form::Rsa {
                e: member("e")?,
                n: member("n")?,
            },
            ("EC", Some("P-256")) => Form::Ec {
                curve: "P-256",
                x: member("x")?,
                y: member("y")?,
            },
            ("EC", Some("P-384")) => Form::Ec {
                curve: "P-384",
                x: member("x")?,
                y: member("y")?,
            },
            ("OKP", Some("Ed25519")) => Form::Ed25519 { x: member("x")? },
            _ => return skipped("of another type"),
        };
        if id.is_empty() || id.len() > MAX_KEY_ID {
            return Err("has no identifier (\"kid\"), or a very long one".to_owned());
        }
        let key = Self {
            id: id.to_owned(),
            decoding: form.decoding()?,
            form,
            algorithm,
        };
        match algorithm {
            Some(algorithm) if !key.form.fits(algorithm) => {
                Err("is not of the algorithm that it says it is for".to_owned())
            }
            _ => Ok(Offered::Key(key)),
        }
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its thumbprint: SHA-256, base64url (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.form.canonical()))
    }

    /// As it is stored: what it needs to be read again, and no more.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = match &self.form {
            Form::Rsa { e, n } => json!({"kty": "RSA", "e": e, "n": n}),
            Form::Ec { curve, x, y } => json!({"kty": "EC", "crv": curve, "x": x, "y": y}),
            Form::Ed25519 { x } => json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
        };
        document["kid"] = json!(self.id);
        if let Some(algorithm) = self.algorithm {
            document["alg"] = json!(format!("{algorithm:?}"));
        }
        document
    }

    /// Whether it makes signatures of an algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.form.fits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether a signature, in base64url, is its own.
    pub(super) fn verifies(&self, signature: &str, signed: &[u8], algorithm: Algorithm) -> bool {
        crypto::verify(signature, signed, &self.decoding, algorithm).unwrap_or(false)
    }

    /// Whether the signature of bytes that are no token is its own; for Ed25519 alone.
    #[must_use]
    pub fn verifies_bytes(&self, bytes: &[u8], signature: &[u8]) -> bool {
        self.fits(Algorithm::EdDSA)
            && self.verifies(&URL_SAFE_NO_PAD.encode(signature), bytes, Algorithm::EdDSA)
    }

    /// One that nobody has the other half of, for whoever has no key and has to take as long as with one.
    #[must_use]
    pub fn decoy(algorithm: Algorithm) -> Option<Self> {
        let document = match algorithm {
            Algorithm::ES256 => json!({
                "kty": "EC", "crv": "P-256", "x": "xDC-rGcKd0KKPolIcYr572PV1SYuQpe2HRJF6HQK95M", "y": "CllBPIxwGHAq4xpRNKGYTREl6_YCEvvRLDscVwTZeu0",
            }),
            Algorithm::ES384 => json!({
                "kty": "EC", "crv": "P-384",
                "x": "4ElHCGF1rqj6dA4RAO8nld-UVBAZSueb_yqrHvLrYozxwzkgJYLBDIWgXjoBiE2y",
                "y": "ewrvPz-mtwhNy7hzwmAKUMewn7WY6__p3p012Hzjl5UtXwIyyrN1CI7FAoedLj8O",
            }),
            Algorithm::EdDSA => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": "-yJXvu6bzZWtCgIhmx2tA9lEgqkOZryFq9c3PucmxWA"})
            }
            _ => json!({
                "kty": "RSA", "e": "AQAB",
                "n": concat!(
                    "mtk-ElNLgC4DngT8tGKqrxsn-pkqgTIgri_2USNIFwejvEOBoIaKqdCcMgDbJIYaI9zNvc41WZF83PA0ScVvx-zGF9JXZgI-oMVTOZ-X90q8k1hP9Q-BmgbNJfb3",
                    "_79-GPDLuBZXVto_DDXVP6-P4EpWx9TokDomwkXNANVVatMrFdd45ulQVIrK-WyWbGPhMZxHqutV2_f3b--qcFxTH3Q1NPK680u1AopwQAf30xK4PlLbtbYvq-iu",
                    "lxibGf6FHw4LvzeVwgrJLIWioXRhlhD2pl76K_mtjMqfTGP3Uw5zzL8wS-NZ41_nOmdWUS7L-GA3XHyJ9_HaKIKclapfOQ",
                ),
            }),
        };
        let mut members = document.as_object()?.clone();
        members.insert("kid".to_owned(), json!("decoy"));
        Self::read(&Value::Object(members))
    }
}

impl Form {
    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => matches!(
                algorithm,
                Algorithm::RS256
                    | Algorithm::RS384
                    | Algorithm::RS512
                    | Algorithm::PS256
                    | Algorithm::PS384
                    | Algorithm::PS512
            ),
            Self::Ec { curve, .. } => matches!(
                (*curve, algorithm),
                ("P-256", Algorithm::ES256) | ("P-384", Algorithm::ES384)
            ),
            Self::Ed25519 { .. } => algorithm == Algorithm::EdDSA,
        }
    }

    fn decoding(&self) -> Result<DecodingKey, String> {
        let bytes = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| "is not in base64url".to_owned())
        };
        let made = match self {
            Self::Rsa { e, n } => {
                let modulus = bytes(n)?;
                let bits = modulus.iter().position(|byte| *byte != 0).map_or(0, |first| {
                    (modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize
                });
                if !RSA_BITS.contains(&bits) {
                    return Err(format!(
                        "has {bits} bits; RSA keys of 2048 to 8192 bits are accepted"
                    ));
                }
                let exponent = bytes(e)?;
                let exponent: &[u8] = exponent
                    .iter()
                    .position(|byte| *byte != 0)
                    .map_or(&[], |first| &exponent[first..]);
                if exponent.last().is_none_or(|last| last % 2 == 0) || exponent.len() > 5 || exponent == [1] {
                    return Err("has an exponent that no RSA key has".to_owned());
                }
                DecodingKey::from_rsa_components(n, e)
            }
            Self::Ec { curve, x, y } => {
                let length = if *curve == "P-256" { 32 } else { 48 };
                if bytes(x)?.len() != length || bytes(y)?.len() != length {
                    return Err("is not on its curve".to_owned());
                }
                DecodingKey::from_ec_components(x, y)
            }
            Self::Ed25519 { x } => {
                let point = <[u8; 32]>::try_from(bytes(x)?).map_err(|_| "is not on its curve")?;
                if is_of_small_order(point) {
                    return Err("is a point of small order: anybody can sign for it".to_owned());
                }
                DecodingKey::from_ed_components(x)
            }
        };
        made.map_err(|_| "cannot be used".to_owned())
    }

    /// RFC 7638, 3.2: the members in the order of their names, without blanks. Base64url needs no escapes.
    fn canonical(&self) -> String {
        match self {
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { curve, x, y } => format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        }
    }
}

/// The key that a token wants, if there is one.
pub(super) fn wanted(key: Option<&Key>, algorithm: Algorithm) -> Result<&Key, Refusal> {
    let key = key.ok_or(Refusal::KeyUnknown)?;
    if key.fits(algorithm) {
        Ok(key)
    } else {
        Err(Refusal::KeyUnfit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9",
        "3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPks",
        "INHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    );

    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        // RFC 7638, 3.1.
        let key =
            Key::read(&json!({"kty": "RSA", "n": RSA, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}))
                .unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(Key::read(&key.document()).unwrap().document(), key.document());
        assert!(key.fits(Algorithm::RS256) && !key.fits(Algorithm::PS256) && !key.fits(Algorithm::ES256));
    }

    #[test]
    fn a_set_with_something_wrong_is_refused_with_its_place() {
        let good = json!({"kty": "RSA", "n": RSA, "e": "AQAB", "kid": "a"});
        let with = |name: &str, value: Value| {
            let mut key = good.clone();
            key[name] = value;
            key
        };
        let many: Vec<Value> = (0..10_000)
            .map(|number| with("kid", json!(number.to_string())))
            .collect();
        for (keys, told) in [
            (json!([]), "no key"),
            (json!([1]), "key 1 is no object"),
            (json!(many), "10000 keys"),
            (json!([good, good]), "key 2 has the identifier of another"),
            (json!([good, with("d", json!("x"))]), "key 2 has the member \"d\""),
            (json!([{"kty": "oct", "k": "AAAA", "kid": "a"}]), "secret"),
            (json!([{"kty": "oct", "kid": "a"}]), "shared secret"),
            (json!([with("n", json!(&RSA[..168]))]), "bits"),
            (json!([with("n", json!("AAAA"))]), "0 bits"),
            (json!([with("n", json!(7))]), "no text"),
            (json!([with("e", json!("AA"))]), "exponent"),
            (json!([with("e", json!("AQ"))]), "exponent"),
            (json!([with("kid", json!(""))]), "identifier"),
            (json!([with("kid", Value::Null)]), "identifier"),
            (json!([with("kty", Value::Null)]), "type"),
            (json!([with("alg", json!("ES256"))]), "algorithm"),
            (
                json!([{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "e"}]),
                "curve",
            ),
            (json!([with("use", json!("enc"))]), "no key that verifies"),
        ] {
            let refused = read_keys(&json!({"keys": keys})).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        assert!(read_keys(&json!([good])).is_err() && read_keys(&Value::Null).is_err());
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        let good = json!({"kty": "RSA", "n": RSA, "e": "AQAB", "kid": "a"});
        let set = json!({"keys": [
            good, {"kty": "RSA", "n": "x", "e": "AQAB", "use": "enc", "kid": "b"}, {"kty": "EC", "crv": "secp256k1", "kid": "c"},
            {"kty": "AKP", "kid": "d"}, {"kty": "RSA", "alg": "RSA-OAEP", "kid": "e"}, {"kty": "RSA", "key_ops": ["encrypt"], "kid": "f"},
        ]});
        let read = read_keys(&set).unwrap();
        let skipped: Vec<&str> = read
            .iter()
            .filter_map(|one| match one {
                Offered::Skipped(id, _) => Some(id.as_str()),
                Offered::Key(_) => None,
            })
            .collect();
        assert_eq!(skipped, ["b", "c", "d", "e", "f"]);
    }

    #[test]
    fn there_is_a_decoy_for_every_algorithm() {
        for name in [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
        ] {
            let algorithm = asymmetric(name).unwrap();
            assert!(Key::decoy(algorithm).unwrap().fits(algorithm), "{name}");
        }
    }
}
