//! Checks of an identity token (OpenID Connect Core 3.1.3.7, RFC 8725).

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Header, Validation, decode};
use vpd_text::identity::{LEEWAY_SECONDS, check};

use super::{Claims, IdentityError, is_equal};

/// What a token must be to be accepted.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Issuer, exactly.
    pub issuer: &'a str,
    /// Audience: the client of this bridge.
    pub client_id: &'a str,
    /// Nonce, in a browser login.
    pub nonce: Option<&'a str>,
}

/// Checks signature and claims.
pub fn verify(
    token: &str,
    header: &Header,
    key: &Jwk,
    expected: &Expected<'_>,
) -> Result<Claims, IdentityError> {
    if key
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|usage| *usage != PublicKeyUse::Signature)
    {
        return Err(IdentityError::Refused(
            "signed with a key that is not for signatures",
        ));
    }
    let named = key.common.key_algorithm.map(|algorithm| algorithm.to_string());
    if named.is_some_and(|name| name != format!("{:?}", header.alg)) {
        return Err(IdentityError::Refused("signed with a key of another algorithm"));
    }
    let decoding =
        DecodingKey::from_jwk(key).map_err(|_| IdentityError::Refused("signed with an unusable key"))?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let claims = decode::<Claims>(token, &decoding, &validation)
        .map_err(|error| refusal(error.kind()))?
        .claims;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    check(&claims, expected.client_id, now)?;
    match expected.nonce {
        Some(nonce)
            if !claims
                .nonce
                .as_deref()
                .is_some_and(|given| is_equal(given, nonce)) =>
        {
            Err(IdentityError::Refused("of another login"))
        }
        _ => Ok(claims),
    }
}

fn refusal(kind: &ErrorKind) -> IdentityError {
    IdentityError::Refused(match kind {
        ErrorKind::InvalidSignature => "signature does not match",
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not valid yet",
        ErrorKind::InvalidIssuer => "from another issuer",
        ErrorKind::InvalidAudience => "for another audience",
        ErrorKind::MissingRequiredClaim(_) => "a required claim is missing",
        _ => "malformed",
    })
}
