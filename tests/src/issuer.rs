//! An identity provider without HTTP: keys, and tokens of every sort that they sign, good and forged.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Database, Result, role};

/// A key that signs.
#[derive(Debug)]
pub enum SigningKey {
    /// ES256.
    P256(EcdsaKeyPair),
    /// ES384.
    P384(EcdsaKeyPair),
    /// `EdDSA`.
    Ed25519(Ed25519KeyPair),
    /// RS256 and PS256.
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// A new key for an algorithm.
    ///
    /// # Errors
    /// There is no such algorithm here.
    pub fn generate(algorithm: &str) -> Result<Self> {
        let failed = |_| "no key";
        Ok(match algorithm {
            "ES256" => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?),
            "ES384" => Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?),
            "EdDSA" => Self::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            "RS256" | "PS256" => Self::Rsa(RsaKeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?),
            other => return Err(format!("no key for {other}").into()),
        })
    }

    /// The key that a private JSON Web Key holds: P-256, Ed25519 or RSA.
    ///
    /// # Errors
    /// It holds none.
    pub fn read(key: &Value) -> Result<Self> {
        let part = |name: &str| decode(key[name].as_str().unwrap_or_default());
        let failed = |_| "no key";
        Ok(match key["kty"].as_str() {
            Some("EC") => {
                let point = [vec![4], part("x")?, part("y")?].concat();
                let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(kind, &part("d")?, &point);
                Self::P256(pair.map_err(failed)?)
            }
            Some("OKP") => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&part("d")?, &part("x")?);
                Self::Ed25519(pair.map_err(failed)?)
            }
            Some("RSA") => {
                let components = rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents {
                        n: part("n")?,
                        e: part("e")?,
                    },
                    d: part("d")?,
                    p: part("p")?,
                    q: part("q")?,
                    dP: part("dp")?,
                    dQ: part("dq")?,
                    qInv: part("qi")?,
                };
                Self::Rsa(RsaKeyPair::from_components(&components).map_err(failed)?)
            }
            _ => return Err("no key of a kind that is read".into()),
        })
    }

    /// The public half, as a JSON Web Key.
    #[must_use]
    pub fn public(&self, id: &str) -> Value {
        let point = |key: &EcdsaKeyPair, curve: &str| {
            let bytes = key.public_key().as_ref().to_vec();
            let (x, y) = bytes[1..].split_at((bytes.len() - 1) / 2);
            json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y), "kid": id})
        };
        match self {
            Self::P256(key) => point(key, "P-256"),
            Self::P384(key) => point(key, "P-384"),
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()), "kid": id})
            }
            Self::Rsa(key) => {
                let public = key.public_key();
                json!({
                    "kty": "RSA", "kid": id,
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                })
            }
        }
    }

    /// A token with this header and these claims.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String> {
        self.sign_text(header, header.to_string(), claims.to_string())
    }

    /// The same with texts that need not be JSON; `header` tells the algorithm.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn sign_text(
        &self,
        header: &Value,
        header_text: impl AsRef<[u8]>,
        claims: impl AsRef<[u8]>,
    ) -> Result<String> {
        let signed = format!("{}.{}", encode(header_text.as_ref()), encode(claims.as_ref()));
        let random = SystemRandom::new();
        let failed = |_| "not signed";
        let signature = match self {
            Self::P256(key) | Self::P384(key) => key
                .sign(&random, signed.as_bytes())
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            Self::Ed25519(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::Rsa(key) => {
                let encoding = if header["alg"] == "PS256" {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, signed.as_bytes(), &mut signature)
                    .map_err(failed)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", encode(&signature)))
    }
}

/// Claims of a good identity token for `portal-client`, made now.
#[must_use]
pub fn claims(issuer: &str, user: &str) -> Value {
    let now = now();
    json!({
        "iss": issuer, "sub": user, "aud": "portal-client", "iat": now, "exp": now + 300, "auth_time": now,
        "jti": format!("{now}-{}", fresh()),
    })
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// Base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of base64url without padding.
///
/// # Errors
/// It is none.
pub fn decode(text: &str) -> Result<Vec<u8>> {
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

/// Another number each time.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Why tokens of issuers were refused, as the audit trail of a database tells it, in order.
///
/// # Errors
/// The trail cannot be read.
pub fn reasons(database: &Database<'_>) -> Result<Vec<String>> {
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let rows = auditor.query(
        "SELECT details::jsonb ->> 'reason' FROM vpd.audit_trail WHERE event IN ('token.refused', 'token.replayed') ORDER BY sequence",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
