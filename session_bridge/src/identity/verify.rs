//! Checks of an identity token (OpenID Connect Core 3.1.3.7, RFC 8725).

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};

use super::{Claims, IdentityError};

const LEEWAY_SECONDS: u64 = 30;
const MAX_LENGTH: usize = 16 * 1024;

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

/// Reads the header and refuses what needs no key to be refused. Returns algorithm and key identifier.
pub fn inspect(token: &str, algorithms: &[Algorithm]) -> Result<(Header, String), IdentityError> {
    if token.len() > MAX_LENGTH {
        return Err(IdentityError::Refused("longer than 16 KiB"));
    }
    let header = decode_header(token).map_err(|_| IdentityError::Refused("not a JSON web token"))?;
    if !algorithms.contains(&header.alg) {
        return Err(IdentityError::Refused(
            "signed with an algorithm that is not accepted",
        ));
    }
    // An access or logout token of the same issuer is signed with the same keys and is no proof of a login.
    if header
        .typ
        .as_deref()
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
    {
        return Err(IdentityError::Refused("not an identity token"));
    }
    let kid = header
        .kid
        .clone()
        .ok_or(IdentityError::Refused("without a key identifier"))?;
    Ok((header, kid))
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
    check_rest(&claims, expected)?;
    Ok(claims)
}

fn check_rest(claims: &Claims, expected: &Expected<'_>) -> Result<(), IdentityError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    let is_future = |time: Option<f64>| time.is_some_and(|time| time > now + LEEWAY_SECONDS as f64);
    if is_future(claims.iat) || is_future(claims.auth_time) {
        return Err(IdentityError::Refused("from the future"));
    }
    if claims
        .azp
        .as_deref()
        .is_some_and(|party| party != expected.client_id)
    {
        return Err(IdentityError::Refused("given to another client"));
    }
    match expected.nonce {
        Some(nonce)
            if !claims
                .nonce
                .as_deref()
                .is_some_and(|given| super::is_equal(given, nonce)) =>
        {
            Err(IdentityError::Refused("of another login"))
        }
        _ => Ok(()),
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
