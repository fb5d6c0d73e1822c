//! Checks of an identity token that need no key (OpenID Connect Core 3.1.3.7, RFC 8725).
//!
//! Not here: the signature, and with it issuer, audience and expiry, which count for nothing before it was checked.

pub use jsonwebtoken::{Algorithm, Header};

use super::Claims;
use jsonwebtoken::decode_header;

/// How far clocks may differ.
pub const LEEWAY_SECONDS: u64 = 30;
const MAX_LENGTH: usize = 16 * 1024;

/// The token is no proof. The reason is for the log, not for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// Reads the header and refuses what needs no key to be refused. Returns algorithm and key identifier.
pub fn inspect(token: &str, algorithms: &[Algorithm]) -> Result<(Header, String), Refused> {
    if token.len() > MAX_LENGTH {
        return Err(Refused("longer than 16 KiB"));
    }
    let header = decode_header(token).map_err(|_| Refused("not a JSON web token"))?;
    if !algorithms.contains(&header.alg) {
        return Err(Refused("signed with an algorithm that is not accepted"));
    }
    // An access or logout token of the same issuer is signed with the same keys and is no proof of a login.
    if header
        .typ
        .as_deref()
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
    {
        return Err(Refused("not an identity token"));
    }
    let kid = header.kid.clone().ok_or(Refused("without a key identifier"))?;
    Ok((header, kid))
}

/// Checks what the signature's check leaves: when the token says it was made, and for whom.
pub fn check(claims: &Claims, client_id: &str, now: f64) -> Result<(), Refused> {
    let is_future = |time: Option<f64>| time.is_some_and(|time| time > now + LEEWAY_SECONDS as f64);
    if is_future(claims.iat) || is_future(claims.auth_time) {
        return Err(Refused("from the future"));
    }
    if claims.azp.as_deref().is_some_and(|party| party != client_id) {
        return Err(Refused("given to another client"));
    }
    Ok(())
}
