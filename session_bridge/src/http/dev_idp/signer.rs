//! The provider's key, made at start, and what it signs.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::config::{DevUser, Identity};
use crate::identity::random_token;

/// How long an identity token is good.
pub const LIFETIME_SECONDS: u64 = 300;

/// A key pair and its identifier.
pub struct Signer {
    key: EncodingKey,
    public_point: Vec<u8>,
    kid: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes a key.
    pub fn new() -> Result<Self, String> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).map_err(failed)?;
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).map_err(|error| error.to_string())?;
        Ok(Self {
            key: EncodingKey::from_ec_der(document.as_ref()),
            public_point: pair.public_key().as_ref().to_vec(),
            kid: random_token().map_err(failed)?,
        })
    }

    /// The public key as a set (RFC 7517).
    pub fn key_set(&self) -> Value {
        // An uncompressed point: a byte 4 and two coordinates of 32 bytes.
        let (x, y) = self.public_point.get(1..).unwrap_or_default().split_at(32);
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]})
    }

    /// Signs an identity token.
    pub fn identity_token(
        &self,
        settings: &Identity,
        user: &DevUser,
        nonce: Option<&str>,
    ) -> Result<String, String> {
        let now = now()?;
        let claims = json!({
            "iss": settings.issuer,
            "sub": user.name,
            "aud": settings.client_id,
            // Two tokens for one person are never the same: each opens one session.
            "jti": random_token().map_err(failed)?,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "auth_time": now,
            "acr": "development",
            "amr": ["pwd"],
            "nonce": nonce,
            "roles": user.roles,
            "attributes": user.attributes,
        });
        self.sign("JWT", &claims)
    }

    /// Signs a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4): all logins of a user are over.
    pub fn logout_token(&self, settings: &Identity, user: &DevUser) -> Result<String, String> {
        let now = now()?;
        let claims = json!({
            "iss": settings.issuer,
            "sub": user.name,
            "aud": settings.client_id,
            "jti": random_token().map_err(failed)?,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        self.sign("logout+jwt", &claims)
    }

    fn sign(&self, typ: &str, claims: &Value) -> Result<String, String> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &self.key).map_err(|error| error.to_string())
    }
}

fn now() -> Result<u64, String> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?;
    Ok(since.as_secs())
}

fn failed(_: Unspecified) -> String {
    "no random value could be made".to_owned()
}
