//! Identity that goes out: tokens that tell services who a session belongs to, and what is published for whoever verifies them.
//!
//! Invariant: the database signs and says what a token holds; of a token that it made, the bridge reads no more than how long it lives.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::types::Json;

use super::Token;
use crate::db::{DatabaseError, Identity, Pool, Transaction, call, statement};

/// A token for a service.
#[derive(Debug)]
pub struct Signed {
    /// The token.
    pub token: Token,
    /// How long it lives, in seconds.
    pub expires_in: i64,
}

/// The times in a token.
#[derive(Deserialize)]
struct Times {
    iat: i64,
    exp: i64,
}

/// A token that tells an audience whose session this is; `None` when the session's application may not have one for it. Counts as use of the session.
pub async fn sign(
    pool: &Pool,
    token: &Token,
    audience: &str,
    may_ask: impl Fn(&str) -> bool,
) -> Result<(Identity, Option<Signed>), DatabaseError> {
    let (transaction, identity) = Transaction::attach(pool, token).await?;
    let result = if may_ask(&identity.app) {
        let signed: Result<String, _> = transaction.call(statement::SIGN_IDENTITY, &[&audience]).await;
        signed.map(|token| {
            Some(Signed {
                expires_in: lifetime(&token),
                token: token.into(),
            })
        })
    } else {
        Ok(None)
    };
    transaction.finish(result.map(|signed| (identity, signed))).await
}

/// The name that the database speaks by; none while it has none.
pub async fn issuer(pool: &Pool) -> Result<Option<String>, DatabaseError> {
    call(pool, statement::ISSUER_NAME, &[]).await
}

/// The keys that its tokens are verified by; none while it has no name or no key.
pub async fn keys(pool: &Pool) -> Result<Option<Value>, DatabaseError> {
    let keys: Option<Json<Value>> = call(pool, statement::PUBLIC_KEYS, &[]).await?;
    Ok(keys
        .map(|Json(keys)| keys)
        .filter(|keys| keys["keys"].as_array().is_some_and(|keys| !keys.is_empty())))
}

/// From when it was made to when it is over; 0 for what cannot be read, so that nobody keeps it.
fn lifetime(token: &str) -> i64 {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let times = URL_SAFE_NO_PAD
        .decode(claims)
        .ok()
        .and_then(|claims| serde_json::from_slice::<Times>(&claims).ok());
    times.map_or(0, |times| times.exp.saturating_sub(times.iat).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_that_of_the_claims() {
        let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        for (claims, seconds) in [
            (r#"{"iat": 100, "exp": 160, "sub": "alice"}"#, 60),
            (r#"{"iat": 160, "exp": 100}"#, 0),
            (r#"{"exp": 100}"#, 0),
            ("", 0),
        ] {
            assert_eq!(lifetime(&token(claims)), seconds, "{claims}");
        }
        assert_eq!(lifetime("garbage"), 0);
    }
}
