//! What a token may be signed with (RFC 7518, 3.1).

use super::Algorithm;

/// The algorithm of a name, unless it is one with a shared secret.
pub fn asymmetric(name: &str) -> Option<Algorithm> {
    let algorithm: Algorithm = name.parse().ok()?;
    let is_shared = matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    // Names are read as they are written (RFC 7515, 4.1.1).
    (!is_shared && format!("{algorithm:?}") == name).then_some(algorithm)
}
